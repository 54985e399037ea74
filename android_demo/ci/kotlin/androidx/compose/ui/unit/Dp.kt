// What app-compose uses of androidx.compose.ui.unit, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.compose.ui.unit

class Dp private constructor()

val Int.dp: Dp get() = TODO()
