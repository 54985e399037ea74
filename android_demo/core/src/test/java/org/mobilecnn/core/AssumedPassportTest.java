package org.mobilecnn.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import org.junit.Test;

/** What the app makes of a file without a passport: what it knows, and nothing that it does not. */
public final class AssumedPassportTest {
    private static final String HASH = new String(new char[64]).replace('\0', 'b');

    @Test
    public void whatIsUnknownStaysUnknown() throws Exception {
        TensorSpec input = new TensorSpec("float32", new int[] {1, 2, 1, 3}, 0, 0);
        TensorSpec output = new TensorSpec("int8", new int[] {1, 4}, 0.25f, -3);
        Object[][] cases = {
            {AssumedPassport.Range.UNIT, new float[] {0, 1, 0.2f}},
            {AssumedPassport.Range.SYMMETRIC, new float[] {-1, 1, -0.6f}},
            {AssumedPassport.Range.BYTES, new float[] {0, 255, 51}},
        };
        for (Object[] each : cases) {
            String text = AssumedPassport.of("a.tflite", 7, HASH, input, output, (AssumedPassport.Range) each[0], "all")
                    .toString();
            Passport passport = Passport.parse("a.json", text);
            assertEquals(OutputKind.UNKNOWN, passport.kind);
            assertFalse(passport.contract.stated);
            assertTrue(passport.labels.isEmpty());
            assertEquals("class 2", passport.label(2));
            assertEquals("int8 [1, 4], scale 0.25, zero point -3", passport.output.toString());
            AnswerCheck check = AnswerCheck.judge(passport, new float[0][]);
            assertEquals(AnswerCheck.Verdict.NOT_CHECKED, check.verdict);
            assertEquals(ScreenState.Trust.NOT_CHECKED, ScreenState.EMPTY.loading("a").loaded(passport, check).trust);
            float[] values = new float[6];
            passport.contract.tensor(new byte[] {0, (byte) 255, 51, 0, (byte) 255, 51}, values);
            float[] wanted = (float[]) each[1];
            assertArrayEquals(wanted, java.util.Arrays.copyOf(values, 3), 1e-6f);
        }
    }

    @Test
    public void whatTakesNoPictureIsRefused() throws Exception {
        int[][] shapes = {{1, 10}, {1, 3, 8, 8}, {2, 8, 8, 3}, {1, 8, 8, 4}};
        for (int[] shape : shapes) {
            TensorSpec input = new TensorSpec("float32", shape, 0, 0);
            TensorSpec output = new TensorSpec("float32", new int[] {1, 2}, 0, 0);
            try {
                AssumedPassport.of("a.tflite", 7, HASH, input, output, AssumedPassport.Range.UNIT, "");
            } catch (Problem problem) {
                assertTrue(problem.getMessage(), problem.getMessage().contains("not one picture"));
                continue;
            }
            fail("not refused: " + input);
        }
    }
}
