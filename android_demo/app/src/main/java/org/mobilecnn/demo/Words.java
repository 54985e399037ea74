package org.mobilecnn.demo;

import android.content.Context;
import android.util.Log;
import org.mobilecnn.core.OutputKind;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.ScreenState;

/** What the screen says of a model, in the user's language: a row for each degree of trust in its answers. */
enum Words {
    NONE(0, 0, 0, 0, 0),
    LOADING(R.string.trust_loading, R.string.trust_loading_why, R.drawable.ic_wait, R.color.neutral, R.color.on_neutral),
    VERIFIED(R.string.trust_verified, R.string.trust_verified_why, R.drawable.ic_check, R.color.good, R.color.on_good),
    DIFFERS(R.string.trust_differs, R.string.trust_differs_why, R.drawable.ic_stop, R.color.bad, R.color.on_bad),
    NOT_CHECKED(R.string.trust_not_checked, R.string.trust_not_checked_why, R.drawable.ic_question,
            R.color.warning, R.color.on_warning),
    TIMING_ONLY(R.string.trust_timing_only, R.string.trust_timing_only_why, R.drawable.ic_question,
            R.color.warning, R.color.on_warning),
    REFUSED(R.string.trust_refused, R.string.trust_refused_why, R.drawable.ic_stop, R.color.bad, R.color.on_bad);

    /** What the app's words in Android's log are found by. */
    static final String TAG = "mobilecnn";

    final int text;
    final int icon;
    final int color;
    final int onColor;
    private final int explanation;

    Words(int text, int explanation, int icon, int color, int onColor) {
        this.text = text;
        this.explanation = explanation;
        this.icon = icon;
        this.color = color;
        this.onColor = onColor;
    }

    static Words of(ScreenState.Trust trust) {
        return valueOf(trust.name());
    }

    /** What the verdict means and what to do, with the figures behind it. */
    String why(Context context, ScreenState state) {
        String text = context.getString(explanation);
        return state.reason.isEmpty() ? text : text + "\n\n" + state.reason;
    }

    /** What a failure says of itself; the name of its class is for the log. */
    static String reason(Context context, Throwable failure) {
        Log.w(TAG, failure);
        String message = failure.getMessage();
        return message == null || message.isEmpty() ? context.getString(R.string.no_reason) : message;
    }

    /** What the user is told of a failure of the model's thread. */
    static String failure(Context context, Throwable failure) {
        if (failure instanceof Problem) {
            return failure.getMessage();
        }
        return failure instanceof OutOfMemoryError ? context.getString(R.string.out_of_memory)
                : context.getString(R.string.unexpected, reason(context, failure));
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
