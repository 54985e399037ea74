package org.mobilecnn.demo;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.os.Process;
import android.util.Log;
import android.view.Gravity;
import android.view.WindowManager;
import android.widget.TextView;
import com.eclipsesource.json.JsonObject;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.mobilecnn.core.Benchmark;
import org.mobilecnn.core.BenchmarkRequest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;

/**
 * Times one model for {@code mobilecnn bench}: started by {@code am start}, it works on a thread of
 * its own, writes the result as a file and as log lines, and ends. {@link BenchmarkRun} does the work.
 */
public final class BenchmarkActivity extends Activity implements BenchmarkRun.Files {
    private static final String TAG = "MOBILECNN";

    /** Seconds that the screen may take to come to the front. */
    private static final long PATIENCE_SECONDS = 20;

    private final CountDownLatch inFront = new CountDownLatch(1);
    private volatile boolean left;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        TextView text = new TextView(this);
        text.setText(R.string.benchmarking);
        text.setGravity(Gravity.CENTER);
        setContentView(text);
        Intent intent = getIntent();
        new Thread("benchmark") {
            @Override
            public void run() {
                Process.setThreadPriority(Process.THREAD_PRIORITY_FOREGROUND);
                // Not left |= ..., which reads the field before the wait and would overwrite what onPause sets meanwhile.
                if (!comesToFront()) {
                    left = true;
                }
                report(intent);
                runOnUiThread(BenchmarkActivity.this::finish);
            }
        }.start();
    }

    @Override
    protected void onResume() {
        super.onResume();
        inFront.countDown();
    }

    @Override
    protected void onPause() {
        // A lock of the screen, a call, another app: from here on the process is slowed, or frozen.
        left = true;
        super.onPause();
    }

    private boolean comesToFront() {
        try {
            return inFront.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException interrupt) {
            return false;
        }
    }

    private void report(Intent intent) {
        BenchmarkRequest.Extras extras = new BenchmarkRequest.Extras() {
            @Override
            public String text(String name) {
                return intent.getStringExtra(name);
            }

            @Override
            public int number(String name, int fallback) {
                return intent.getIntExtra(name, fallback);
            }

            @Override
            public boolean flag(String name, boolean fallback) {
                return intent.getBooleanExtra(name, fallback);
            }
        };
        Device device = new Device(this) {
            @Override
            public boolean leftFront() {
                return left;
            }
        };
        BenchmarkRun run = BenchmarkRun.of(extras, this, device);
        try {
            write(run.document);
        } catch (IOException | RuntimeException unwritable) {
            // The log lines are complete without the file.
            Log.w(TAG, "the result could not be written: " + unwritable.getMessage());
        }
        for (String line : run.lines()) {
            Log.i(TAG, line);
        }
    }

    @Override
    public Passport passport(BenchmarkRequest request) throws Problem {
        return request.pushed()
                ? Models.passport(new File(request.model))
                : Models.passport(this, request.model);
    }

    @Override
    public ByteBuffer model(BenchmarkRequest request) throws Problem {
        return request.pushed() ? Models.open(new File(request.model)) : Models.open(this, request.model);
    }

    @Override
    public List<Picture> golden(Passport passport) throws Problem {
        return Models.golden(passport);
    }

    /** Writes the answer over the last one: nobody would remove older files. */
    private void write(JsonObject document) throws IOException {
        File folder = getExternalFilesDir(null);
        File temporary = new File(folder, "benchmark.part");
        try (FileOutputStream stream = new FileOutputStream(temporary)) {
            stream.write(Benchmark.ascii(document.toString()).getBytes(StandardCharsets.US_ASCII));
        }
        if (!temporary.renameTo(new File(folder, "benchmark.json"))) {
            throw new IOException("cannot rename " + temporary);
        }
    }
}
