// What app-compose uses of androidx.test.platform.app, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.test.platform.app

import android.app.Instrumentation

object InstrumentationRegistry {
    fun getInstrumentation(): Instrumentation = TODO()
}
