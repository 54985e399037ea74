// What app-compose uses of androidx.lifecycle, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.lifecycle

import android.app.Application

interface LifecycleOwner

abstract class ViewModel {
    protected open fun onCleared(): Unit = TODO()
}

open class AndroidViewModel(
    application: Application,
) : ViewModel()
