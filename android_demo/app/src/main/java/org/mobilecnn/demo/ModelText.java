package org.mobilecnn.demo;

import android.content.Context;
import org.mobilecnn.core.AnswerCheck;
import org.mobilecnn.core.OutputKind;
import org.mobilecnn.core.Passport;

/** What the screen says of a model, in the user's language. */
final class ModelText {
    private ModelText() {}

    /** The status line of a loaded model: whether its golden answers hold, and whether to ship it. */
    static String verdict(Context context, Passport passport, AnswerCheck check) {
        String text;
        switch (check.verdict) {
            case VERIFIED:
                text = context.getString(R.string.verified, check.pictures, check.difference, check.tolerance);
                break;
            case DIFFERS:
                text = context.getString(R.string.differs, check.reason);
                break;
            default:
                text = context.getString(R.string.not_checked, check.reason);
        }
        for (String reason : passport.latencyOnly) {
            text += "\n" + context.getString(R.string.latency_only, reason);
        }
        return text;
    }

    /** What a passport says of its model, a property a line. */
    static String details(Context context, Passport passport) {
        String unknown = context.getString(R.string.unknown);
        StringBuilder text = new StringBuilder(context.getString(R.string.details_text,
                passport.file, passport.format, passport.bytes / 1000,
                passport.architecture == null ? unknown : passport.architecture,
                passport.parameters / 1e6, passport.macs / 1e6,
                passport.contract.width, passport.contract.height,
                passport.input.toString(), passport.output.toString(), passport.labels.size(),
                passport.minimumRuntime == null ? unknown : passport.minimumRuntime,
                Classifier.runtime(), passport.sha256));
        if (!passport.contract.stated) {
            text.append("\n\n").append(context.getString(R.string.assumed));
        }
        if (passport.kind == OutputKind.UNKNOWN) {
            text.append("\n\n").append(context.getString(R.string.unknown_kind));
        }
        for (String warning : passport.warnings) {
            text.append("\n\n").append(warning);
        }
        return text.toString();
    }
}
