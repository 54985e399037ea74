// What app-compose uses of androidx.activity, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.activity

import android.app.Activity
import androidx.lifecycle.LifecycleOwner

open class ComponentActivity :
    Activity(),
    LifecycleOwner

fun ComponentActivity.enableEdgeToEdge(): Unit = TODO()
