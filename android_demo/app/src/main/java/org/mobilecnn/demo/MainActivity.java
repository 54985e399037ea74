package org.mobilecnn.demo;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.app.Dialog;
import android.content.ActivityNotFoundException;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.Bitmap;
import android.hardware.display.DisplayManager;
import android.net.Uri;
import android.os.Bundle;
import android.os.Handler;
import android.os.Looper;
import android.util.Size;
import android.widget.Button;
import android.widget.TextView;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.mobilecnn.core.AssumedPassport;
import org.mobilecnn.core.ScreenState;

/** The main screen: point the camera or choose a photo, see what the model says and whether it can be trusted. */
public final class MainActivity extends Activity implements Presenter.Screen, DisplayManager.DisplayListener {
    private static final int ASK_CAMERA = 1;
    private static final int ASK_PHOTO = 2;
    private static final int ASK_MODEL = 3;

    /** Key of {@link Opening#offered} in the saved state. */
    private static final String OFFERED = "offered";

    private Presenter presenter;
    private StateView view;
    private Dialog dialog;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        setContentView(R.layout.main);
        Look look = new Look(this);
        look.dress(this);
        // What outlives the activity when the phone is turned.
        presenter = (Presenter) getLastNonConfigurationInstance();
        if (presenter == null) {
            presenter = new Presenter(getApplicationContext());
            if (saved != null && saved.getString(OFFERED) != null) {
                presenter.opening().resume(saved.getString(OFFERED));
            }
        }
        view = new StateView(this, look);
        look.button(this.<Button>findViewById(R.id.settings), false);
        this.<TextView>findViewById(R.id.hint).setTextColor(look.faint);
        onClick(R.id.camera, this::chooseCamera);
        onClick(R.id.photo, this::choosePhoto);
        onClick(R.id.settings, () -> show(new SettingsSheet(this, presenter)));
        onClick(R.id.chip, this::explain);
        getSystemService(DisplayManager.class).registerDisplayListener(this, new Handler(Looper.getMainLooper()));
        presenter.showOn(this);
        if (presenter.models().isEmpty()) {
            presenter.say(getString(R.string.no_models));
        }
    }

    Presenter presenter() {
        return presenter;
    }

    @Override
    public Object onRetainNonConfigurationInstance() {
        return presenter;
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        state.putString(OFFERED, presenter.opening().offered());
    }

    @Override
    protected void onResume() {
        super.onResume();
        presenter.resume(rotation());
    }

    @Override
    protected void onPause() {
        presenter.pause();
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        getSystemService(DisplayManager.class).unregisterDisplayListener(this);
        presenter.showOn(null);
        if (dialog != null) {
            dialog.dismiss();
        }
        if (!isChangingConfigurations()) {
            presenter.close();
        }
        super.onDestroy();
    }

    @Override
    public void show(ScreenState state, Bitmap photo) {
        view.show(state, photo);
        boolean ready = !presenter.models().isEmpty();
        findViewById(R.id.camera).setEnabled(ready);
        findViewById(R.id.photo).setEnabled(ready);
        if (dialog instanceof SettingsSheet && dialog.isShowing()) {
            ((SettingsSheet) dialog).refresh();
        }
    }

    @Override
    public void wantSurface(Size size, boolean sideways) {
        this.<PreviewView>findViewById(R.id.preview).prepare(presenter, size, sideways);
    }

    // Turning from one landscape to the other restarts nothing; only the display says so.

    @Override
    public void onDisplayChanged(int display) {
        presenter.turn(rotation());
    }

    @Override
    public void onDisplayAdded(int display) {
        // Not the one that this is shown on.
    }

    @Override
    public void onDisplayRemoved(int display) {
        // Not the one that this is shown on.
    }

    // Context.getDisplay, which replaces this method, came with Android 11.
    @SuppressWarnings("deprecation")
    private int rotation() {
        return getWindowManager().getDefaultDisplay().getRotation();
    }

    /** Shows a dialog instead of the one that is there; it ends with the activity. */
    void show(Dialog other) {
        if (dialog != null) {
            dialog.dismiss();
        }
        dialog = other;
        dialog.show();
    }

    private void explain() {
        ScreenState state = presenter.state();
        Words words = Words.of(state.trust);
        if (words != Words.NONE) {
            show(new AlertDialog.Builder(this).setTitle(words.text).setMessage(words.why(this, state))
                    .setPositiveButton(R.string.close, null).create());
        }
    }

    void showDetails() {
        if (presenter.described() != null) {
            show(new AlertDialog.Builder(this).setTitle(R.string.details)
                    .setMessage(Words.details(this, presenter.described()))
                    .setPositiveButton(R.string.close, null).create());
        }
    }

    // The camera.

    private void chooseCamera() {
        if (checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED) {
            presenter.openCamera();
        } else {
            requestPermissions(new String[] {Manifest.permission.CAMERA}, ASK_CAMERA);
        }
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] names, int[] granted) {
        if (request != ASK_CAMERA || granted.length == 0) {
            return;
        }
        if (granted[0] == PackageManager.PERMISSION_GRANTED) {
            presenter.openCamera();
        } else {
            presenter.say(getString(R.string.camera_refused));
        }
    }

    // Files.

    private void choosePhoto() {
        Intent intent = new Intent().addCategory(Intent.CATEGORY_OPENABLE).setType("image/*");
        for (String action : new String[] {Intent.ACTION_OPEN_DOCUMENT, Intent.ACTION_GET_CONTENT}) {
            if (ask(intent.setAction(action), ASK_PHOTO)) {
                return;
            }
        }
        presenter.say(getString(R.string.no_picker));
    }

    /** Asks for a model and its passport; both can be chosen at once. */
    void chooseModel() {
        Intent intent = new Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("*/*")
                .putExtra(Intent.EXTRA_ALLOW_MULTIPLE, true);
        if (!ask(intent, ASK_MODEL)) {
            presenter.say(getString(R.string.no_opener));
        }
    }

    /** Asks whether the chosen model, which was opened from the phone, shall go. */
    void offerToRemove() {
        String model = presenter.chosen().model;
        show(new AlertDialog.Builder(this).setMessage(getString(R.string.remove_ask, Models.title(model)))
                .setPositiveButton(R.string.remove, (offer, which) -> presenter.remove(model))
                .setNegativeButton(R.string.cancel, null).create());
    }

    /** Says what is unknown without a passport, and has the user choose what cannot be known. */
    @Override
    public void offerWithoutPassport() {
        AssumedPassport.Range[] ranges = AssumedPassport.Range.values();
        String[] choices = getResources().getStringArray(R.array.open_choices);
        TextView unknown = new TextView(this);
        unknown.setText(R.string.open_unknown);
        unknown.setTextSize(15);
        int space = Math.round(20 * getResources().getDisplayMetrics().density);
        unknown.setPadding(space, space, space, space / 2);
        show(new AlertDialog.Builder(this).setCustomTitle(unknown)
                .setItems(choices, (offer, which) -> {
                    if (which == 0) {
                        chooseModel();
                    } else {
                        presenter.opening().assume(ranges[which - 1]);
                    }
                })
                .setNegativeButton(R.string.cancel, (offer, which) -> presenter.opening().drop())
                .setOnCancelListener(offer -> {
                    // Back, or a touch beside it.
                    presenter.opening().drop();
                }).create());
    }

    private boolean ask(Intent intent, int request) {
        try {
            startActivityForResult(intent, request);
            return true;
        } catch (ActivityNotFoundException absent) {
            return false;
        }
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        List<Uri> files = result == RESULT_OK && data != null ? files(data) : Collections.emptyList();
        if (files.isEmpty()) {
            if (request == ASK_MODEL) {
                // The passport was looked for, and not found.
                presenter.offerAgain();
            }
        } else if (request == ASK_PHOTO) {
            presenter.openPhoto(files.get(0));
        } else if (request == ASK_MODEL) {
            if (dialog != null) {
                // The offer that the screen made when it was made anew, behind what the files were chosen in.
                dialog.dismiss();
            }
            presenter.opening().open(files);
        }
    }

    private static List<Uri> files(Intent data) {
        List<Uri> files = new ArrayList<>();
        if (data.getClipData() != null) {
            for (int i = 0; i < data.getClipData().getItemCount(); i++) {
                files.add(data.getClipData().getItemAt(i).getUri());
            }
        } else if (data.getData() != null) {
            files.add(data.getData());
        }
        return files;
    }

    private void onClick(int id, Runnable action) {
        findViewById(id).setOnClickListener(clicked -> action.run());
    }
}
