package org.mobilecnn.demo;

import android.content.Context;
import android.graphics.Bitmap;
import android.net.Uri;
import android.util.Size;
import android.view.Surface;
import java.util.ArrayList;
import java.util.List;
import org.mobilecnn.core.AnswerCheck;
import org.mobilecnn.core.AssumedPassport;
import org.mobilecnn.core.Outcome;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.ScreenState;

/**
 * What goes on behind the screen, on the main thread: it takes the user's wishes, and has the screen
 * show what became of them.
 *
 * <p>It outlives the activity that shows it when the phone is turned, and with it the loaded model,
 * the photo and its answer. What a model says that is no longer {@link #chosen} is dropped.
 */
final class Presenter implements ModelSession.Listener {
    /** What shows it. */
    interface Screen {
        /** Shows this; {@code photo} is null where there is none. */
        void show(ScreenState state, Bitmap photo);

        /** Provides a surface of this size for the camera, by {@link Presenter#onSurface}. */
        void wantSurface(Size size, boolean sideways);

        /** Offers to go on without a passport, by {@link Presenter#assume}, or to choose it. */
        void offerWithoutPassport();
    }

    private final Context context;
    private final Settings settings;
    private final ModelSession session;
    private final CameraFeed feed;

    /** The model that is being opened; used on the session's thread only. */
    private final OpenedModel opened;
    private ScreenState state = ScreenState.EMPTY;
    private Screen screen;
    private List<String> models;
    private ModelSession.Choice chosen;
    private Passport described;
    private ModelSession.Answer latest;
    private Uri photo;
    private boolean resumed;

    /** The number of the request for the photo's answer that is waited for; 0 without. */
    private int awaited;

    /** The name of a model without a passport that the user has to decide on; null without. */
    private String offered;

    /** How often files were chosen. */
    private int openings;

    /** Begins to load the model of the settings; {@link #close} ends everything. */
    Presenter(Context context) {
        this.context = context;
        settings = new Settings(context);
        session = new ModelSession(context, this);
        feed = new CameraFeed(context, session);
        opened = new OpenedModel(context);
        findModels();
    }

    /** Looks for models again, and loads the one of the settings. */
    void findModels() {
        models = Models.all(context);
        choose(settings.choice(models));
    }

    /** Has {@code other} show the state from now on; null for nobody. */
    void showOn(Screen other) {
        screen = other;
        if (screen != null) {
            screen.show(state, latest == null ? null : latest.bitmap);
        }
        offerAgain();
    }

    void close() {
        feed.close();
        session.close();
    }

    ScreenState state() {
        return state;
    }

    /** The models to choose from. */
    List<String> models() {
        return models;
    }

    ModelSession.Choice chosen() {
        return chosen;
    }

    /** The passport of the chosen model; null until it is read. */
    Passport described() {
        return described;
    }

    Settings settings() {
        return settings;
    }

    ModelSession session() {
        return session;
    }

    CameraFeed feed() {
        return feed;
    }

    // What the user wants.

    void choose(ModelSession.Choice choice) {
        if (choice == null || choice.same(chosen)) {
            return;
        }
        chosen = choice;
        described = null;
        latest = null;
        settings.keep(choice);
        session.load(choice);
        change(state.loading(choice.model));
        if (photo != null) {
            awaited = session.classifyPhoto(photo);
        }
    }

    /** Shows the latest answer by the settings for what is shown. */
    void showAgain() {
        if (latest != null) {
            change(state.answered(outcome(latest), state.framesPerSecond, state.message));
        }
    }

    void openPhoto(Uri uri) {
        feed.stop();
        photo = uri;
        latest = null;
        change(state.from(ScreenState.Source.PHOTO).working());
        awaited = session.classifyPhoto(uri);
    }

    void openCamera() {
        photo = null;
        latest = null;
        awaited = 0;
        session.forgetPhotos();
        change(state.from(ScreenState.Source.CAMERA));
        if (resumed) {
            feed.prepare();
        }
    }

    /**
     * Opens a model of the phone: a .tflite file, its passport, or both. A model that the user has to decide on still waits
     * where what was chosen for its passport is something else.
     */
    void openModel(List<Uri> files) {
        boolean undecided = offered != null;
        offered = null;
        int opening = ++openings;
        change(state.working());
        session.post(() -> {
            try {
                if (opened.take(files)) {
                    offer(opened.title(), "", opening);
                } else {
                    keepOpened(null, undecided);
                }
            } catch (Problem other) {
                if (!undecided || !opened.waitsWithoutPassport()) {
                    throw other;
                }
                offer(opened.title(), other.getMessage(), opening);
            }
        });
    }

    /** Makes an offer; {@code why} is what the user is told with it. */
    private void offer(String name, String why, int opening) {
        session.onScreen(() -> {
            // Other files may have been chosen meanwhile.
            if (opening == openings) {
                say(why);
                offered = name;
                offerAgain();
            }
        });
    }

    /** Has the screen make the offer that the user has not decided on, if there is one. */
    void offerAgain() {
        if (offered != null && screen != null) {
            screen.offerWithoutPassport();
        }
    }

    /** The name of the model that the user has to decide on, to be kept for {@link #resumeOffer}; null without. */
    String offered() {
        return offered;
    }

    /** Makes an offer again that was made before the app's process ended. */
    void resumeOffer(String name) {
        int opening = openings;
        session.post(() -> {
            if (opened.resume(name)) {
                offer(name, "", opening);
            }
        });
    }

    /** Goes on without a passport: the numbers of the pictures are in this range. */
    void assume(AssumedPassport.Range range) {
        offered = null;
        change(state.working());
        session.post(() -> keepOpened(range, false));
    }

    /** Removes a model that was opened from the phone; where it is the chosen one, the first of the others is chosen. */
    void remove(String model) {
        List<String> others = new ArrayList<>(models);
        others.remove(model);
        models = others;
        if (others.isEmpty()) {
            chosen = null;
            described = null;
            latest = null;
            photo = null;
            awaited = 0;
            feed.stop();
            session.unload();
            change(ScreenState.EMPTY.said(context.getString(R.string.no_models)));
        } else if (chosen != null && chosen.model.equals(model)) {
            choose(new ModelSession.Choice(others.get(0), chosen.threads, chosen.kernels));
        }
        // After the work that still needs it.
        session.post(() -> opened.remove(model));
    }

    /** Forgets the model that is being opened. */
    void dropOpened() {
        offered = null;
        session.post(opened::drop);
    }

    /**
     * Keeps the model that is being opened.
     *
     * @param range null where it has a passport.
     * @param patient whether it waits on where it cannot be kept.
     */
    private void keepOpened(AssumedPassport.Range range, boolean patient) throws Problem {
        String path = null;
        try {
            if (range != null) {
                opened.assume(range);
            }
            path = opened.keep();
        } finally {
            if (path != null || !patient) {
                opened.drop();
            }
        }
        String kept = path;
        session.onScreen(() -> {
            say("");
            models = Models.all(context);
            // Loaded even if it replaces the model that is loaded.
            ModelSession.Choice before = chosen;
            chosen = null;
            choose(new ModelSession.Choice(kept, before == null ? 1 : before.threads,
                    before == null ? Classifier.Kernels.XNNPACK : before.kernels));
        });
    }

    void say(String text) {
        // What is told of something else is not the end of the waiting for a photo's answer.
        change(awaited == 0 ? state.said(text) : state.told(text));
    }

    // What becomes of the screen.

    /** The screen is in front; {@code rotation} is the display's. */
    void resume(int rotation) {
        resumed = true;
        feed.turn(rotation);
        if (state.source == ScreenState.Source.CAMERA) {
            feed.prepare();
        }
    }

    void pause() {
        resumed = false;
        feed.stop();
    }

    void turn(int rotation) {
        feed.turn(rotation);
    }

    /** The preview is shown in a place of this size. */
    void onPlace(Size place) {
        feed.place(place);
    }

    /** The surface that was wanted is there; null when it goes. */
    void onSurface(Surface surface) {
        if (surface == null) {
            feed.stop();
        } else if (resumed && state.source == ScreenState.Source.CAMERA) {
            feed.start(surface);
        }
    }

    // What the model says.

    @Override
    public void onLoaded(ModelSession.Choice choice, Passport passport, AnswerCheck check) {
        if (choice == chosen) {
            described = passport;
            ScreenState loaded = state.loaded(passport, check);
            change(awaited != 0 ? loaded.working() : loaded);
        }
    }

    @Override
    public void onRefused(ModelSession.Choice choice, Passport passport, String why) {
        if (choice == chosen) {
            described = passport;
            change(state.refused(why));
        }
    }

    @Override
    public void onPhoto(int request, ModelSession.Answer answer, String remark) {
        if (request == awaited && answer.choice == chosen) {
            awaited = 0;
            latest = answer;
            change(state.answered(outcome(answer), 0.0, remark));
        }
    }

    @Override
    public void onPhotoFailed(int request, String text) {
        if (request == awaited) {
            awaited = 0;
            change(state.said(text));
        }
    }

    @Override
    public void onFrame(ModelSession.Answer answer, double framesPerSecond) {
        if (answer.choice == chosen && state.source == ScreenState.Source.CAMERA) {
            latest = answer;
            change(state.frame(outcome(answer), framesPerSecond));
        }
    }

    @Override
    public void onSurfaceWanted(Size size, boolean sideways) {
        if (screen != null && resumed && state.source == ScreenState.Source.CAMERA) {
            screen.wantSurface(size, sideways);
        }
    }

    @Override
    public void onMessage(String text) {
        say(text);
    }

    private Outcome outcome(ModelSession.Answer answer) {
        return new Outcome(answer.passport, answer.result.scores, settings.results(),
                settings.thresholdPercent() / 100.0, answer.result.preprocessNanos, answer.result.inferenceNanos);
    }

    private void change(ScreenState next) {
        state = next;
        if (screen != null) {
            screen.show(state, latest == null ? null : latest.bitmap);
        }
    }
}
