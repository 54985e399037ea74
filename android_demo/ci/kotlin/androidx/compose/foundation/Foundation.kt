// What app-compose uses of androidx.compose.foundation, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.compose.foundation

import androidx.compose.runtime.Composable
import androidx.compose.ui.Modifier

class ScrollState private constructor()

@Composable
fun isSystemInDarkTheme(): Boolean = TODO()

@Composable
fun rememberScrollState(): ScrollState = TODO()

fun Modifier.verticalScroll(state: ScrollState): Modifier = TODO()
