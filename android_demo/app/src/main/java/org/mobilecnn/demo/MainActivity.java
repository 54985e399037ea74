package org.mobilecnn.demo;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.content.ActivityNotFoundException;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.Bitmap;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraManager;
import android.net.Uri;
import android.os.Bundle;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import android.view.View;
import android.view.ViewGroup;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.ImageView;
import android.widget.ProgressBar;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.text.NumberFormat;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import org.mobilecnn.core.AnswerCheck;
import org.mobilecnn.core.Digest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.TopK;

/**
 * The one screen: choose a model, point the camera or choose a photo, see what the model says.
 *
 * <p>Two threads. The screen belongs to the main thread; the model, the camera and the pictures
 * belong to {@link #worker}, so nothing is shared and nothing is locked. What the worker says of a
 * model that is no longer chosen is dropped by {@link #chosen}.
 */
public final class MainActivity extends Activity {
    private static final int SHOWN = 5;
    private static final int FRAMES = 10;
    private static final int ASK_CAMERA = 1;
    private static final int ASK_PHOTO = 2;
    private static final String LIVE = "live";
    private static final String PHOTO = "photo";

    /** What is asked of the worker: the model and how it runs. */
    private static final class Choice {
        final String model;
        final int threads;
        final Classifier.Kernels kernels;

        Choice(String model, int threads, Classifier.Kernels kernels) {
            this.model = model;
            this.threads = threads;
            this.kernels = kernels;
        }

        boolean same(Choice other) {
            return other != null && model.equals(other.model) && threads == other.threads
                    && kernels == other.kernels;
        }
    }

    private final Handler screen = new Handler(Looper.getMainLooper());
    private HandlerThread thread;
    private Handler worker;

    // The main thread's.
    private List<String> models;
    private List<Classifier.Kernels> kernels;
    private Choice chosen;
    private Passport described;
    private boolean live;
    private Uri photo;
    private boolean resumed;
    private final List<View> rows = new ArrayList<>();

    // The worker's.
    private Classifier classifier;
    private Passport passport;
    private Choice loaded;
    private Camera camera;
    private final Deque<Long> frames = new ArrayDeque<>();

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.main);
        thread = new HandlerThread("inference");
        thread.start();
        worker = new Handler(thread.getLooper());
        if (state != null) {
            live = state.getBoolean(LIVE);
            String uri = state.getString(PHOTO);
            photo = uri == null ? null : Uri.parse(uri);
        }
        ViewGroup results = findViewById(R.id.results);
        for (int i = 0; i < SHOWN; i++) {
            View row = getLayoutInflater().inflate(R.layout.result, results, false);
            row.setVisibility(View.GONE);
            results.addView(row);
            rows.add(row);
        }
        fillChoosers();
        onClick(R.id.camera, new Runnable() {
            @Override
            public void run() {
                chooseCamera();
            }
        });
        onClick(R.id.photo, new Runnable() {
            @Override
            public void run() {
                choosePhoto();
            }
        });
        onClick(R.id.details, new Runnable() {
            @Override
            public void run() {
                showDetails();
            }
        });
        findViewById(R.id.details).setEnabled(false);
        if (models.isEmpty()) {
            say(getString(R.string.no_models));
            findViewById(R.id.camera).setEnabled(false);
            findViewById(R.id.photo).setEnabled(false);
        }
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        state.putBoolean(LIVE, live);
        state.putString(PHOTO, photo == null ? null : photo.toString());
    }

    @Override
    protected void onResume() {
        super.onResume();
        resumed = true;
        if (live) {
            startCamera();
        }
    }

    @Override
    protected void onPause() {
        resumed = false;
        stopCamera();
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        worker.post(new Runnable() {
            @Override
            public void run() {
                closeModel();
            }
        });
        thread.quitSafely();
        super.onDestroy();
    }

    // Choosing a model.

    private void fillChoosers() {
        models = Models.bundled(this);
        fill(R.id.model, models);
        List<String> threads = new ArrayList<>();
        for (int count = 1; count <= Runtime.getRuntime().availableProcessors(); count++) {
            threads.add(String.valueOf(count));
        }
        fill(R.id.threads, threads);
        kernels = new ArrayList<>(Arrays.asList(Classifier.Kernels.XNNPACK, Classifier.Kernels.BUILTIN));
        List<String> names =
                new ArrayList<>(Arrays.asList(getString(R.string.on_xnnpack), getString(R.string.on_builtin)));
        if (Classifier.hasGpu()) {
            kernels.add(Classifier.Kernels.GPU);
            names.add(getString(R.string.on_gpu));
        }
        fill(R.id.kernels, names);
    }

    private void fill(int id, List<String> entries) {
        Spinner spinner = findViewById(id);
        ArrayAdapter<String> adapter = new ArrayAdapter<>(this, android.R.layout.simple_spinner_item, entries);
        adapter.setDropDownViewResource(android.R.layout.simple_spinner_dropdown_item);
        spinner.setAdapter(adapter);
        spinner.setOnItemSelectedListener(new AdapterView.OnItemSelectedListener() {
            @Override
            public void onItemSelected(AdapterView<?> parent, View view, int position, long row) {
                load();
            }

            @Override
            public void onNothingSelected(AdapterView<?> parent) {
                // Nothing to load.
            }
        });
    }

    private int selected(int id) {
        return Math.max(0, ((Spinner) findViewById(id)).getSelectedItemPosition());
    }

    private void load() {
        if (models.isEmpty()) {
            return;
        }
        final Choice choice = new Choice(
                models.get(selected(R.id.model)), selected(R.id.threads) + 1, kernels.get(selected(R.id.kernels)));
        if (choice.same(chosen)) {
            return;
        }
        chosen = choice;
        described = null;
        findViewById(R.id.details).setEnabled(false);
        say(getString(R.string.loading, choice.model));
        clear();
        worker.post(new Runnable() {
            @Override
            public void run() {
                loadNow(choice);
            }
        });
        if (photo != null) {
            classifyPhoto();
        }
    }

    private void loadNow(final Choice choice) {
        closeModel();
        String text;
        Passport read = null;
        try {
            read = Models.passport(this, choice.model);
            ByteBuffer content = Models.open(this, choice.model);
            Digest.expect(choice.model, content, read.sha256, "its passport describes");
            classifier = new Classifier(content, read, choice.threads, choice.kernels);
            passport = read;
            loaded = choice;
            text = verdict(read, classifier.check(Models.golden(read)));
        } catch (Problem problem) {
            closeModel();
            text = problem.getMessage();
        } catch (OutOfMemoryError full) {
            closeModel();
            text = getString(R.string.out_of_memory);
        }
        final String status = text;
        final Passport card = read;
        screen.post(new Runnable() {
            @Override
            public void run() {
                if (choice == chosen) {
                    described = card;
                    findViewById(R.id.details).setEnabled(card != null);
                    say(status);
                }
            }
        });
    }

    private String verdict(Passport card, AnswerCheck check) {
        String text;
        switch (check.verdict) {
            case VERIFIED:
                text = getString(R.string.verified, check.pictures, check.difference, check.tolerance);
                break;
            case DIFFERS:
                text = getString(R.string.differs, check.reason);
                break;
            default:
                text = getString(R.string.not_checked, check.reason);
        }
        for (String reason : card.latencyOnly) {
            text += "\n" + getString(R.string.latency_only, reason);
        }
        return text;
    }

    private void closeModel() {
        if (classifier != null) {
            classifier.close();
        }
        classifier = null;
        passport = null;
        loaded = null;
    }

    private void showDetails() {
        if (described == null) {
            return;
        }
        String none = getString(R.string.unknown);
        Passport card = described;
        String text = getString(R.string.details_text,
                card.file, card.format, card.bytes / 1000, card.architecture == null ? none : card.architecture,
                card.parameters / 1e6, card.macs / 1e6, card.contract.width, card.contract.height,
                card.input.toString(), card.output.toString(), card.labels.size(),
                card.minimumRuntime == null ? none : card.minimumRuntime, Classifier.runtime(), card.sha256);
        StringBuilder all = new StringBuilder(text);
        if (!card.contract.stated) {
            all.append("\n\n").append(getString(R.string.assumed));
        }
        for (String warning : card.warnings) {
            all.append("\n\n").append(warning);
        }
        new AlertDialog.Builder(this)
                .setTitle(R.string.details)
                .setMessage(all)
                .setPositiveButton(R.string.close, null)
                .show();
    }

    // The camera.

    private void chooseCamera() {
        if (checkSelfPermission(Manifest.permission.CAMERA) != PackageManager.PERMISSION_GRANTED) {
            requestPermissions(new String[] {Manifest.permission.CAMERA}, ASK_CAMERA);
            return;
        }
        photo = null;
        live = true;
        clear();
        if (resumed) {
            startCamera();
        }
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] names, int[] granted) {
        if (request != ASK_CAMERA || granted.length == 0) {
            return;
        }
        if (granted[0] == PackageManager.PERMISSION_GRANTED) {
            chooseCamera();
        } else {
            say(getString(R.string.camera_refused));
        }
    }

    private void startCamera() {
        final int rotation = rotation();
        worker.post(new Runnable() {
            @Override
            public void run() {
                startCameraNow(rotation);
            }
        });
    }

    // Its successor, Context.getDisplay, came with Android 11.
    @SuppressWarnings("deprecation")
    private int rotation() {
        return getWindowManager().getDefaultDisplay().getRotation();
    }

    private void startCameraNow(int rotation) {
        stopCameraNow();
        try {
            String id = Camera.choose(getSystemService(CameraManager.class));
            if (id == null) {
                tell(R.string.no_camera, null);
                return;
            }
            camera = Camera.open(this, id, rotation, worker, new Camera.Listener() {
                @Override
                public void onFrame(Picture frame) {
                    classify(frame, true, null);
                }

                @Override
                public void onCameraEnd(String why) {
                    tell(R.string.camera_failed, why);
                }
            });
        } catch (CameraAccessException | IllegalArgumentException refusal) {
            tell(R.string.camera_failed, refusal.getMessage());
        } catch (SecurityException refusal) {
            tell(R.string.camera_refused, null);
        }
    }

    private void stopCamera() {
        worker.post(new Runnable() {
            @Override
            public void run() {
                stopCameraNow();
            }
        });
    }

    private void stopCameraNow() {
        if (camera != null) {
            camera.close();
        }
        camera = null;
        frames.clear();
    }

    // Photos.

    private void choosePhoto() {
        for (String action : new String[] {Intent.ACTION_OPEN_DOCUMENT, Intent.ACTION_GET_CONTENT}) {
            Intent intent = new Intent(action).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*");
            try {
                startActivityForResult(intent, ASK_PHOTO);
                return;
            } catch (ActivityNotFoundException none) {
                // The next.
                continue;
            }
        }
        say(getString(R.string.no_picker));
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (request == ASK_PHOTO && result == RESULT_OK && data != null && data.getData() != null) {
            live = false;
            stopCamera();
            photo = data.getData();
            clear();
            classifyPhoto();
        }
    }

    private void classifyPhoto() {
        final Uri uri = photo;
        worker.post(new Runnable() {
            @Override
            public void run() {
                try {
                    Photo opened = Photo.open(getContentResolver(), uri);
                    classify(opened.picture, false, opened.reduced ? getString(R.string.reduced) : null);
                } catch (IOException unreadable) {
                    tell(R.string.photo_failed, unreadable.getMessage());
                } catch (OutOfMemoryError full) {
                    tell(R.string.out_of_memory, null);
                }
            }
        });
    }

    // Results.

    /** On the worker: asks the model, and has the answer shown. */
    private void classify(Picture picture, final boolean frame, final String remark) {
        if (classifier == null) {
            return;
        }
        try {
            final Classifier.Result result = classifier.classify(picture);
            final Bitmap bitmap = Photo.shown(picture);
            final Choice choice = loaded;
            final Passport card = passport;
            final double rate = frame ? framesPerSecond() : 0.0;
            screen.post(new Runnable() {
                @Override
                public void run() {
                    if (choice == chosen && frame == live) {
                        show(result, card, bitmap, rate, remark);
                    }
                }
            });
        } catch (Problem problem) {
            stopCameraNow();
            final String text = problem.getMessage();
            screen.post(new Runnable() {
                @Override
                public void run() {
                    say(text);
                }
            });
        }
    }

    /** Over the last frames; 0 for the first. */
    private double framesPerSecond() {
        frames.addLast(System.nanoTime());
        if (frames.size() > FRAMES) {
            frames.removeFirst();
        }
        long span = frames.getLast() - frames.getFirst();
        return span == 0 ? 0.0 : (frames.size() - 1) * 1e9 / span;
    }

    private void show(Classifier.Result result, Passport card, Bitmap bitmap, double rate, String remark) {
        ((ImageView) findViewById(R.id.picture)).setImageBitmap(bitmap);
        double before = result.preprocessNanos / 1e6;
        double inference = result.inferenceNanos / 1e6;
        String times = rate > 0
                ? getString(R.string.times_live, before, inference, rate)
                : getString(R.string.times, before, inference);
        ((TextView) findViewById(R.id.times)).setText(remark == null ? times : times + "\n" + remark);
        float[] shares = TopK.confidence(result.scores);
        int[] best = TopK.of(result.scores, SHOWN);
        NumberFormat percent = NumberFormat.getPercentInstance(Locale.getDefault());
        percent.setMaximumFractionDigits(1);
        for (int i = 0; i < rows.size(); i++) {
            View row = rows.get(i);
            row.setVisibility(i < best.length ? View.VISIBLE : View.GONE);
            if (i < best.length) {
                String label = card.label(best[i]);
                String share = percent.format(shares[best[i]]);
                ((TextView) row.findViewById(R.id.label)).setText(label);
                ((TextView) row.findViewById(R.id.confidence)).setText(share);
                ((ProgressBar) row.findViewById(R.id.bar)).setProgress(Math.round(1000 * shares[best[i]]));
                row.setContentDescription(getString(R.string.result_line, label, share));
            }
        }
    }

    private void clear() {
        ((ImageView) findViewById(R.id.picture)).setImageDrawable(null);
        ((TextView) findViewById(R.id.times)).setText(models.isEmpty() ? "" : getString(R.string.choose));
        for (View row : rows) {
            row.setVisibility(View.GONE);
        }
    }

    /** From the worker: a message for the status line; {@code why} fills its place, if it has one. */
    private void tell(final int message, final String why) {
        screen.post(new Runnable() {
            @Override
            public void run() {
                say(getString(message, why));
            }
        });
    }

    private void say(String text) {
        ((TextView) findViewById(R.id.status)).setText(text);
    }

    private void onClick(int id, final Runnable action) {
        findViewById(id).setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View view) {
                action.run();
            }
        });
    }
}
