// What app-compose uses of androidx.test.ext.junit.runners, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.test.ext.junit.runners

import org.junit.runner.Runner

abstract class AndroidJUnit4 : Runner()
