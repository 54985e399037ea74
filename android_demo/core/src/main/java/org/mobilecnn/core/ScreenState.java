package org.mobilecnn.core;

/**
 * Everything that the app's screen shows, as a value: each event makes another state of it.
 *
 * <p>It knows nothing of Android and of no language, so that every skin of the app can show it. The
 * verdict on the model's answers has a place of its own: no picture, error or message changes it.
 */
public final class ScreenState {
    /** How far the model's answers can be trusted here. */
    public enum Trust {
        /** No model is chosen. */
        NONE,
        /** The model is being loaded and asked its golden pictures. */
        LOADING,
        /** It answers as it did at export. */
        VERIFIED,
        /** It does not. */
        DIFFERS,
        /** There was nothing to ask it. */
        NOT_CHECKED,
        /** It answers as at export, but was exported for timing only. */
        TIMING_ONLY,
        /** It cannot run here. */
        REFUSED
    }

    /** Where the pictures come from. */
    public enum Source { NONE, CAMERA, PHOTO }

    /** The state before anything happened. */
    public static final ScreenState EMPTY =
            new ScreenState("", Trust.NONE, "", Source.NONE, false, null, 0.0, "");

    /** The model's name; empty without one. */
    public final String model;

    /** How far its answers can be trusted. */
    public final Trust trust;

    /** Why; empty where there is nothing to say. */
    public final String reason;

    /** Where the pictures come from. */
    public final Source source;

    /** Whether a model is being loaded or a photo is being worked on. */
    public final boolean busy;

    /** What the model said of the latest picture; null before it has. */
    public final Outcome outcome;

    /** Camera frames per second; 0 where unknown. */
    public final double framesPerSecond;

    /** Something else for the user to know, in words; empty without. */
    public final String message;

    private ScreenState(
            String model, Trust trust, String reason, Source source, boolean busy, Outcome outcome,
            double framesPerSecond, String message) {
        this.model = model;
        this.trust = trust;
        this.reason = reason;
        this.source = source;
        this.busy = busy;
        this.outcome = outcome;
        this.framesPerSecond = framesPerSecond;
        this.message = message;
    }

    /** A model was chosen. What another one said is gone. */
    public ScreenState loading(String chosen) {
        return new ScreenState(chosen, Trust.LOADING, "", source, true, null, 0.0, "");
    }

    /** The model answered its golden pictures. */
    public ScreenState loaded(Passport passport, AnswerCheck check) {
        Trust found = trust(passport, check);
        String why = found == Trust.TIMING_ONLY ? String.join("; ", passport.latencyOnly) : check.reason;
        return new ScreenState(model, found, why, source, false, outcome, framesPerSecond, message);
    }

    /** The model cannot run. */
    public ScreenState refused(String why) {
        return new ScreenState(model, Trust.REFUSED, why, source, false, null, 0.0, message);
    }

    /** Pictures come from elsewhere now. What was said of the last one is gone. */
    public ScreenState from(Source other) {
        return new ScreenState(model, trust, reason, other, trust == Trust.LOADING, null, 0.0, "");
    }

    /** A picture is being worked on. */
    public ScreenState working() {
        return new ScreenState(model, trust, reason, source, true, outcome, framesPerSecond, "");
    }

    /** The model answered; {@code remark} is for the user, and empty where there is none. */
    public ScreenState answered(Outcome said, double rate, String remark) {
        return new ScreenState(model, trust, reason, source, false, said, rate, remark);
    }

    /** The model answered a camera's frame, which takes back neither what the user was told nor what is waited for. */
    public ScreenState frame(Outcome said, double rate) {
        return new ScreenState(model, trust, reason, source, busy, said, rate, message);
    }

    /** There is something for the user to know, and nothing to wait for. */
    public ScreenState said(String text) {
        return new ScreenState(model, trust, reason, source, trust == Trust.LOADING, outcome, framesPerSecond, text);
    }

    /** There is something for the user to know, and what is waited for goes on. */
    public ScreenState told(String text) {
        return new ScreenState(model, trust, reason, source, busy, outcome, framesPerSecond, text);
    }

    private static Trust trust(Passport passport, AnswerCheck check) {
        if (check.verdict == AnswerCheck.Verdict.DIFFERS) {
            return Trust.DIFFERS;
        } else if (!passport.latencyOnly.isEmpty()) {
            return Trust.TIMING_ONLY;
        }
        return check.verdict == AnswerCheck.Verdict.VERIFIED ? Trust.VERIFIED : Trust.NOT_CHECKED;
    }
}
