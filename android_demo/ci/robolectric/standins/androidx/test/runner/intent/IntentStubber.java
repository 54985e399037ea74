package androidx.test.runner.intent;

import android.app.Instrumentation;
import android.content.Intent;

/** Not used here. */
public interface IntentStubber {
    Instrumentation.ActivityResult getActivityResultForIntent(Intent intent);
}
