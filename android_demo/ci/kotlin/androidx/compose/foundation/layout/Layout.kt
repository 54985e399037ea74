// What app-compose uses of androidx.compose.foundation.layout, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.compose.foundation.layout

import androidx.compose.runtime.Composable
import androidx.compose.ui.Modifier
import androidx.compose.ui.unit.Dp

interface PaddingValues

interface ColumnScope

interface RowScope

object Arrangement {
    interface Horizontal

    interface Vertical

    interface HorizontalOrVertical :
        Horizontal,
        Vertical

    val SpaceBetween: HorizontalOrVertical get() = TODO()

    fun spacedBy(space: Dp): HorizontalOrVertical = TODO()
}

fun Modifier.aspectRatio(ratio: Float): Modifier = TODO()

fun Modifier.fillMaxWidth(): Modifier = TODO()

fun Modifier.padding(all: Dp): Modifier = TODO()

fun Modifier.padding(paddingValues: PaddingValues): Modifier = TODO()

@Composable
fun Column(
    modifier: Modifier = Modifier,
    verticalArrangement: Arrangement.Vertical,
    content: @Composable ColumnScope.() -> Unit,
): Unit = TODO()

@Composable
fun Row(
    modifier: Modifier = Modifier,
    horizontalArrangement: Arrangement.Horizontal,
    content: @Composable RowScope.() -> Unit,
): Unit = TODO()
