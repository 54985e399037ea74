// What app-compose uses of androidx.compose.ui.platform that only Android has, declared for the compiler: it is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.compose.ui.platform

import android.content.Context
import android.content.res.Resources
import androidx.compose.runtime.ProvidableCompositionLocal

val LocalContext: ProvidableCompositionLocal<Context> get() = TODO()

val LocalResources: ProvidableCompositionLocal<Resources> get() = TODO()
