// What app-compose uses of androidx.compose.ui.platform, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.compose.ui.platform

import android.content.Context

class ProvidableCompositionLocal<T> private constructor() {
    val current: T get() = TODO()
}

val LocalContext: ProvidableCompositionLocal<Context> get() = TODO()
