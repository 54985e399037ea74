package org.mobilecnn.demo;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.content.ActivityNotFoundException;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.net.Uri;
import android.os.Bundle;
import android.view.View;
import android.widget.TextView;
import org.mobilecnn.core.Passport;

/**
 * The one screen: choose a model, point the camera or choose a photo, see what the model says.
 *
 * <p>The screen belongs to the main thread; the model, the camera and the pictures belong to the
 * thread of {@link ModelSession}. What that thread says of a model that is no longer {@link #chosen}
 * is dropped.
 */
public final class MainActivity extends Activity implements ModelChooser.Listener, ModelSession.Listener {
    private static final int ASK_CAMERA = 1;
    private static final int ASK_PHOTO = 2;
    private static final String LIVE = "live";
    private static final String PHOTO = "photo";

    private ModelSession session;
    private CameraFeed feed;
    private ModelChooser chooser;
    private ResultView results;

    private ModelSession.Choice chosen;

    /** The passport of the chosen model; null until it is read. */
    private Passport described;

    /** Whether camera frames are wanted; a photo and the camera exclude each other. */
    private boolean live;

    /** The chosen photo; null where there is none. */
    private Uri photo;

    private boolean resumed;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.main);
        session = new ModelSession(this, this);
        feed = new CameraFeed(this, session);
        if (state != null) {
            live = state.getBoolean(LIVE);
            String uri = state.getString(PHOTO);
            photo = uri == null ? null : Uri.parse(uri);
        }
        results = new ResultView(this);
        chooser = new ModelChooser(this, this);
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
        if (chooser.isEmpty()) {
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
            feed.start(rotation());
        }
    }

    @Override
    protected void onPause() {
        resumed = false;
        feed.stop();
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        session.close();
        super.onDestroy();
    }

    // The model.

    @Override
    public void onChoice(ModelSession.Choice choice) {
        if (choice.same(chosen)) {
            return;
        }
        chosen = choice;
        described = null;
        findViewById(R.id.details).setEnabled(false);
        say(getString(R.string.loading, choice.model));
        clear();
        session.load(choice);
        if (photo != null) {
            session.classifyPhoto(photo);
        }
    }

    @Override
    public void onLoaded(ModelSession.Choice choice, Passport passport, String status) {
        if (choice == chosen) {
            described = passport;
            findViewById(R.id.details).setEnabled(passport != null);
            say(status);
        }
    }

    private void showDetails() {
        if (described == null) {
            return;
        }
        new AlertDialog.Builder(this)
                .setTitle(R.string.details)
                .setMessage(ModelText.details(this, described))
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
            feed.start(rotation());
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

    // Context.getDisplay, which replaces this method, came with Android 11.
    @SuppressWarnings("deprecation")
    private int rotation() {
        return getWindowManager().getDefaultDisplay().getRotation();
    }

    // Photos.

    private void choosePhoto() {
        for (String action : new String[] {Intent.ACTION_OPEN_DOCUMENT, Intent.ACTION_GET_CONTENT}) {
            Intent intent = new Intent(action).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*");
            try {
                startActivityForResult(intent, ASK_PHOTO);
                return;
            } catch (ActivityNotFoundException absent) {
                // Try the next action.
                continue;
            }
        }
        say(getString(R.string.no_picker));
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (request == ASK_PHOTO && result == RESULT_OK && data != null && data.getData() != null) {
            live = false;
            feed.stop();
            photo = data.getData();
            clear();
            session.classifyPhoto(photo);
        }
    }

    // Results.

    @Override
    public void onPhoto(ModelSession.Answer answer, String remark) {
        if (answer.choice == chosen && !live) {
            results.showPhoto(answer, remark);
        }
    }

    @Override
    public void onFrame(ModelSession.Answer answer, double framesPerSecond) {
        if (answer.choice == chosen && live) {
            results.showFrame(answer, framesPerSecond);
        }
    }

    @Override
    public void onMessage(String text) {
        say(text);
    }

    private void clear() {
        results.clear(chooser.isEmpty() ? "" : getString(R.string.choose));
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
