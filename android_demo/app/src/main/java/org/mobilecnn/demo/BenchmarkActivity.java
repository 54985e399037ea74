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
import org.mobilecnn.core.Benchmark;
import org.mobilecnn.core.BenchmarkRequest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;

/**
 * Times one model as {@code mobilecnn bench} asks: started by {@code am start}, it works on a thread
 * of its own, writes the result as a file and as log lines, and ends. docs/android.md has the protocol.
 */
public final class BenchmarkActivity extends Activity {
    private static final String TAG = "MOBILECNN";

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        TextView text = new TextView(this);
        text.setText(R.string.benchmarking);
        text.setGravity(Gravity.CENTER);
        setContentView(text);
        final Intent intent = getIntent();
        new Thread("benchmark") {
            @Override
            public void run() {
                Process.setThreadPriority(Process.THREAD_PRIORITY_FOREGROUND);
                report(intent);
                runOnUiThread(new Runnable() {
                    @Override
                    public void run() {
                        finish();
                    }
                });
            }
        }.start();
    }

    private void report(Intent intent) {
        String given = intent.getStringExtra("run_id");
        String runId = BenchmarkRequest.isRunId(given) ? given : "unknown";
        JsonObject document;
        int code = 0;
        try {
            document = benchmark(intent);
        } catch (Problem problem) {
            document = Benchmark.failure(runId, problem);
            code = Benchmark.exitCode(problem);
        } catch (OutOfMemoryError full) {
            Problem problem = new Problem(Problem.ENVIRONMENT, getString(R.string.out_of_memory), full);
            document = Benchmark.failure(runId, problem);
            code = Benchmark.exitCode(problem);
        }
        try {
            write(runId, document);
        } catch (IOException unwritable) {
            // The log lines are complete without the file.
            Log.w(TAG, "the result could not be written: " + unwritable.getMessage());
        }
        for (String line : Benchmark.lines(runId, document, code)) {
            Log.i(TAG, line);
        }
    }

    private JsonObject benchmark(Intent intent) throws Problem {
        BenchmarkRequest request = new BenchmarkRequest(
                intent.getStringExtra("run_id"),
                intent.getStringExtra("model"),
                intent.getStringExtra("sha256"),
                intent.getIntExtra("warmup", 5),
                intent.getIntExtra("runs", 50),
                intent.getIntExtra("threads", 1),
                intent.getBooleanExtra("xnnpack", true));
        Device device = new Device(this);
        File file = new File(request.model);
        boolean pushed = request.pushed();
        Passport passport = pushed ? Models.passport(file) : Models.passport(this, request.model);
        ByteBuffer asked = pushed ? Models.open(file) : Models.open(this, request.model);
        Models.expect(request.model, asked, request.sha256, "was asked for");
        Models.expect(request.model, asked, passport.sha256, "its passport describes");
        List<Picture> golden = Models.golden(passport);
        Long baseline = device.rssBytes();
        Classifier.Kernels kernels =
                request.xnnpack ? Classifier.Kernels.XNNPACK : Classifier.Kernels.BUILTIN;
        long start = System.nanoTime();
        ByteBuffer content = pushed ? Models.open(file) : Models.open(this, request.model);
        try (Classifier classifier = new Classifier(content, passport, request.threads, kernels)) {
            long ready = System.nanoTime();
            if (!golden.isEmpty()) {
                classifier.set(golden.get(0));
            }
            JsonObject document = Benchmark.time(
                    request, classifier, device, ready - start, baseline, Classifier.runtime());
            // After the timing: before it, the first inference would not be the first.
            document.add("answers", Benchmark.answers(classifier.check(golden)));
            return document;
        }
    }

    private void write(String runId, JsonObject document) throws IOException {
        File folder = new File(getExternalFilesDir(null), "benchmark");
        if (!folder.isDirectory() && !folder.mkdirs()) {
            throw new IOException("cannot make the folder " + folder);
        }
        File temporary = new File(folder, runId + ".part");
        try (FileOutputStream stream = new FileOutputStream(temporary)) {
            stream.write(Benchmark.ascii(document.toString()).getBytes(StandardCharsets.US_ASCII));
        }
        if (!temporary.renameTo(new File(folder, runId + ".json"))) {
            throw new IOException("cannot rename " + temporary);
        }
    }
}
