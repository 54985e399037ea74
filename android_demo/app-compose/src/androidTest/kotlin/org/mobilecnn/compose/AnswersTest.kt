package org.mobilecnn.compose

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.mobilecnn.core.ScreenState

/** On a phone or an emulator: every model that the app carries answers as it did at export. */
@RunWith(AndroidJUnit4::class)
class AnswersTest {
    @Test
    fun everyModelAnswersAsAtExport() {
        val assets = InstrumentationRegistry.getInstrumentation().targetContext.assets
        val models = bundled(assets)
        assertTrue("no model is staged: python scripts/android_models.py", models.isNotEmpty())
        for (model in models) {
            LoadedModel.open(assets, model, onGpu = false, threads = 2).use {
                val state = ScreenState.EMPTY.loading(model).loaded(it.passport, it.check())
                assertEquals("$model: ${state.reason}", ScreenState.Trust.VERIFIED, state.trust)
            }
        }
    }
}
