package org.mobilecnn.compose

import org.mobilecnn.core.ScreenState

/** A model that the app carries, and whether the GPU runs it. */
data class Choice(
    val model: String,
    val onGpu: Boolean,
)

/** What the screen shows: the core's [state], and beside it the [models] to choose from and where they run. */
data class ScreenModel(
    val models: List<String> = emptyList(),
    val onGpu: Boolean = false,
    val state: ScreenState = ScreenState.EMPTY,
) {
    /** What was chosen. */
    val choice: Choice get() = Choice(state.model, onGpu)

    /** Whether the camera's pictures are classified. */
    val live: Boolean get() = state.source == ScreenState.Source.CAMERA
}
