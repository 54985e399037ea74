// What app-compose uses of androidx.compose.material3, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.compose.material3

import android.content.Context
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.RowScope
import androidx.compose.runtime.Composable
import androidx.compose.ui.Modifier

class Color private constructor()

class TextStyle private constructor()

class ColorScheme private constructor() {
    val error: Color get() = TODO()
}

class Typography private constructor() {
    val headlineMedium: TextStyle get() = TODO()
    val titleMedium: TextStyle get() = TODO()
    val labelMedium: TextStyle get() = TODO()
}

object MaterialTheme {
    val colorScheme: ColorScheme get() = TODO()
    val typography: Typography get() = TODO()
}

fun lightColorScheme(): ColorScheme = TODO()

fun darkColorScheme(): ColorScheme = TODO()

fun dynamicLightColorScheme(context: Context): ColorScheme = TODO()

fun dynamicDarkColorScheme(context: Context): ColorScheme = TODO()

@Composable
fun MaterialTheme(
    colorScheme: ColorScheme,
    content: @Composable () -> Unit,
): Unit = TODO()

@Composable
fun Scaffold(content: @Composable (PaddingValues) -> Unit): Unit = TODO()

@Composable
fun Text(
    text: String,
    color: Color? = null,
    style: TextStyle? = null,
): Unit = TODO()

@Composable
fun AssistChip(
    onClick: () -> Unit,
    label: @Composable () -> Unit,
): Unit = TODO()

@Composable
fun FilterChip(
    selected: Boolean,
    onClick: () -> Unit,
    label: @Composable () -> Unit,
): Unit = TODO()

@Composable
fun Button(
    onClick: () -> Unit,
    content: @Composable RowScope.() -> Unit,
): Unit = TODO()

@Composable
fun LinearProgressIndicator(modifier: Modifier = Modifier): Unit = TODO()

@Composable
fun LinearProgressIndicator(
    progress: () -> Float,
    modifier: Modifier = Modifier,
): Unit = TODO()
