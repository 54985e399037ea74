package androidx.test.runner.intent;

import android.app.Instrumentation;
import android.content.Intent;

/** A type that Robolectric refers to and these tests do not use. */
public interface IntentStubber {
    Instrumentation.ActivityResult getActivityResultForIntent(Intent intent);
}
