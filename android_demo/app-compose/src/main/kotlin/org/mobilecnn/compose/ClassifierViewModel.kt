package org.mobilecnn.compose

import android.app.Application
import androidx.lifecycle.AndroidViewModel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow

/** Keeps the [session] and what it shows while the screen is turned. */
class ClassifierViewModel(
    application: Application,
) : AndroidViewModel(application) {
    private val screen = MutableStateFlow(ScreenModel())

    /** What the screen shows. */
    val model: StateFlow<ScreenModel> = screen.asStateFlow()

    /** What does it. */
    val session = Session(application) { screen.value = it }

    override fun onCleared() = session.close()
}
