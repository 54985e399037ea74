// What app-compose uses of androidx.lifecycle.compose, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.lifecycle.compose

import androidx.compose.ui.platform.ProvidableCompositionLocal
import androidx.lifecycle.LifecycleOwner

val LocalLifecycleOwner: ProvidableCompositionLocal<LifecycleOwner> get() = TODO()
