package org.mobilecnn.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import com.eclipsesource.json.JsonObject;
import org.junit.Test;

/** What the screen shows after each event, without a screen. */
public final class ScreenStateTest {
    private static Passport passport() throws Exception {
        return Passport.parse("a.json", Vectors.of("judged").get(0).get("passport").toString());
    }

    /** Each verdict that Python has on answers stays whatever happens next, until another model is chosen. */
    @Test
    public void theVerdictStays() throws Exception {
        for (JsonObject vector : Vectors.of("judged")) {
            AnswerCheck check = Vectors.judge(vector);
            Passport passport = Passport.parse("a.json", vector.get("passport").toString());
            ScreenState loaded = ScreenState.EMPTY.loading("a.tflite").loaded(passport, check);
            assertEquals(vector.toString(), trust(passport, check), loaded.trust);
            ScreenState[] later = {
                loaded.working(), loaded.said("an error"), loaded.from(ScreenState.Source.CAMERA),
                loaded.answered(null, 9.0, ""), loaded.working().said("no picture").from(ScreenState.Source.PHOTO),
            };
            for (ScreenState state : later) {
                assertEquals(loaded.trust, state.trust);
                assertSame(loaded.reason, state.reason);
            }
            assertEquals(ScreenState.Trust.LOADING, loaded.loading("b.tflite").trust);
            assertEquals("", loaded.loading("b.tflite").reason);
        }
    }

    private static ScreenState.Trust trust(Passport passport, AnswerCheck check) {
        switch (check.verdict) {
            case DIFFERS:
                return ScreenState.Trust.DIFFERS;
            case VERIFIED:
                return passport.latencyOnly.isEmpty() ? ScreenState.Trust.VERIFIED : ScreenState.Trust.TIMING_ONLY;
            default:
                return passport.latencyOnly.isEmpty() ? ScreenState.Trust.NOT_CHECKED : ScreenState.Trust.TIMING_ONLY;
        }
    }

    /** There is something to wait for while a model loads or a photo is worked on, and never longer. */
    @Test
    public void busyEndsWithAnAnswerOrAMessage() throws Exception {
        AnswerCheck check = AnswerCheck.notChecked("nothing to ask");
        ScreenState loading = ScreenState.EMPTY.loading("a.tflite");
        assertTrue(loading.busy);
        assertTrue("still loading", loading.said("the camera stopped").busy);
        assertTrue("still loading", loading.from(ScreenState.Source.PHOTO).busy);
        assertFalse(loading.refused("too new").busy);
        ScreenState loaded = loading.loaded(passport(), check);
        assertFalse(loaded.busy);
        assertTrue(loaded.working().busy);
        assertFalse(loaded.working().said("no picture").busy);
        assertFalse(loaded.working().answered(null, 0.0, "").busy);
    }

    /** Thirty frames a second must not wipe out why a model was not opened, or that it is being opened. */
    @Test
    public void aFrameTakesNothingBack() throws Exception {
        Passport passport = passport();
        Outcome outcome = new Outcome(passport, new float[passport.output.elements()], 5, 0.5, 1, 2);
        ScreenState loaded = ScreenState.EMPTY.loading("a.tflite").said("neither a model nor a passport");
        ScreenState frame = loaded.frame(outcome, 30.0);
        assertSame(outcome, frame.outcome);
        assertEquals(30.0, frame.framesPerSecond, 0);
        assertEquals("neither a model nor a passport", frame.message);
        assertTrue(frame.busy);
        assertFalse(frame.answered(outcome, 0.0, "").busy);
    }

    /** Nothing of another model or another source is left on the screen. */
    @Test
    public void anAnswerGoesWithItsPicture() throws Exception {
        Passport passport = passport();
        Outcome outcome = new Outcome(passport, new float[passport.output.elements()], 5, 0.5, 1, 2);
        ScreenState answered = ScreenState.EMPTY.loading("a.tflite").answered(outcome, 3.0, "reduced");
        assertSame(outcome, answered.outcome);
        assertEquals("reduced", answered.message);
        assertNull(answered.from(ScreenState.Source.CAMERA).outcome);
        assertEquals("", answered.from(ScreenState.Source.CAMERA).message);
        assertNull(answered.loading("b.tflite").outcome);
        assertNull(answered.refused("too new").outcome);
    }

    @Test
    public void scoresThatAreNoNumbersAreNoAnswer() throws Exception {
        Passport passport = passport();
        float[] scores = new float[passport.output.elements()];
        scores[0] = Float.NaN;
        Outcome outcome = new Outcome(passport, scores, 5, 0.5, 1, 2);
        assertFalse(outcome.finite);
        assertTrue(outcome.entries.isEmpty());
        assertTrue(outcome.headline.isEmpty());
    }
}
