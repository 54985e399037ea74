package androidx.test.internal.runner.intent;

import android.content.Intent;
import androidx.test.runner.intent.IntentMonitor;

/** A monitor without listeners. */
public final class IntentMonitorImpl implements IntentMonitor {
    public void signalIntent(Intent intent) {
        // There are no listeners.
    }
}
