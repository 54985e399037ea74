package org.mobilecnn.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import org.junit.Test;

/** Versions in their order, and what a refusal is put down to. */
public final class RuntimeVersionTest {
    @Test
    public void versionsAreComparedPartByPart() {
        assertTrue(RuntimeVersion.covers("2.16.1", "2.16.1"));
        assertTrue(RuntimeVersion.covers("2.16.1", "2.3.0"));
        assertTrue(RuntimeVersion.covers("2.16.1", "1.15.0"));
        assertTrue(RuntimeVersion.covers("2.16", "2.16.0"));
        assertFalse(RuntimeVersion.covers("2.16.1", "2.17.0"));
        assertFalse(RuntimeVersion.covers("2.9.0", "2.16.1"));
    }

    @Test
    public void aRefusalNamesItsUsualCause() {
        cause("Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'", "newer version of one");
        cause("This file can not be opened as a file descriptor; it is probably compressed", "noCompress");
        cause("Cannot copy to a TensorFlowLite tensor (x) with 12 bytes from a Java Buffer with 48 bytes.",
                "of different exports");
        cause("ByteBuffer is not a valid TensorFlow Lite model flatbuffer", "is damaged or not");
        cause("something else", "(it said: something else)");
    }

    private static void cause(String said, String words) {
        String text = RuntimeVersion.explain("a.tflite", "2.16.1", said);
        assertTrue(text, text.contains(words));
        assertTrue(text, text.startsWith("TensorFlow Lite 2.16.1 cannot run a.tflite: "));
    }

    @Test
    public void probabilitiesStayAndOtherScoresBecomeSome() {
        float[] shares = {0.7f, 0.2f, 0.1f};
        assertEquals(0.7f, TopK.confidence(shares)[0], 0.0f);
        float[] of = TopK.confidence(new float[] {1000.0f, 1000.0f, -1000.0f});
        assertEquals(0.5f, of[0], 1e-6f);
        assertEquals(0.0f, of[2], 1e-6f);
    }
}
