package org.mobilecnn.core;

import static org.junit.Assert.assertTrue;

import org.junit.Test;

/** The causes that refusals are attributed to. */
public final class RefusalTest {
    @Test
    public void aRefusalNamesItsUsualCause() {
        cause("Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'",
                "newer version of one, and needs release 2.17.0: export");
        cause("This file can not be opened as a file descriptor; it is probably compressed", "noCompress");
        cause("Cannot copy to a TensorFlowLite tensor (x) with 12 bytes from a Java Buffer with 48 bytes.",
                "of different exports");
        cause("ByteBuffer is not a valid TensorFlow Lite model flatbuffer", "is damaged or not");
        cause("something else", "(it said: something else)");
    }

    private static void cause(String said, String words) {
        String text = Refusal.explain("a.tflite", "2.17.0", "2.16.1", said);
        assertTrue(text, text.contains(words));
        assertTrue(text, text.startsWith("TensorFlow Lite 2.16.1 cannot run a.tflite: "));
    }
}
