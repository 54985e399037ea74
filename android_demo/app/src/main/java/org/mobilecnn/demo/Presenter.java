package org.mobilecnn.demo;

import android.content.Context;
import android.graphics.Bitmap;
import android.net.Uri;
import android.util.Size;
import android.view.Surface;
import java.util.ArrayList;
import java.util.List;
import org.mobilecnn.core.AnswerCheck;
import org.mobilecnn.core.Outcome;
import org.mobilecnn.core.Passport;
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

        /** Offers to go on without a passport, by {@link Opening#assume}, or to choose it. */
        void offerWithoutPassport();
    }

    private final Context context;
    private final Settings settings;
    private final ModelSession session;
    private final CameraFeed feed;

    private final Opening opening;
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

    /** Begins to load the model of the settings; {@link #close} ends everything. */
    Presenter(Context context) {
        this.context = context;
        settings = new Settings(context);
        session = new ModelSession(context, this);
        feed = new CameraFeed(context, session);
        opening = new Opening(context, this, session);
        offer(Models.all(context));
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

    /** The opening of models of the phone. */
    Opening opening() {
        return opening;
    }

    /** Has the screen make the offer that the user has not decided on, if there is one. */
    void offerAgain() {
        if (opening.offered() != null && screen != null) {
            screen.offerWithoutPassport();
        }
    }

    /** A model of the phone is being opened. */
    void work() {
        change(state.working());
    }

    /** A model of the phone was opened, and is kept there; it is loaded even if it replaces the model that is loaded. */
    void onOpened(String path) {
        models = Models.all(context);
        ModelSession.Choice before = chosen;
        chosen = null;
        choose(new ModelSession.Choice(path, before == null ? 1 : before.threads,
                before == null ? Classifier.Kernels.XNNPACK : before.kernels));
    }

    /** Removes a model that was opened from the phone; where it is the chosen one, the first of the others is chosen. */
    void remove(String model) {
        List<String> others = new ArrayList<>(models);
        others.remove(model);
        offer(others);
        opening.remove(model);
    }

    /** Looks for models again, and shows what there is. */
    void refresh() {
        offer(Models.all(context));
        change(state);
    }

    /** Takes these as the models to choose from; where the chosen one is not among them, another is chosen. */
    private void offer(List<String> all) {
        ModelSession.Choice before = chosen;
        models = all;
        if (before != null && all.isEmpty()) {
            chosen = null;
            described = null;
            latest = null;
            photo = null;
            awaited = 0;
            feed.stop();
            session.unload();
            change(ScreenState.EMPTY.said(context.getString(R.string.no_models)));
        } else if (before == null) {
            choose(settings.choice(all));
        } else if (!all.contains(before.model)) {
            choose(new ModelSession.Choice(all.get(0), before.threads, before.kernels));
        }
    }

    void say(String text) {
        change(state.said(text));
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
            change(state.loaded(passport, check));
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
            change(state.answered(outcome(answer), 0.0, alsoSaid(remark)));
        }
    }

    @Override
    public void onPhotoFailed(int request, String text) {
        if (request == awaited) {
            awaited = 0;
            change(state.said(alsoSaid(text)));
        }
    }

    /** What the user was told while a photo was waited for, and this. */
    private String alsoSaid(String text) {
        return state.message.isEmpty() || text.isEmpty() ? state.message + text : state.message + "\n" + text;
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
        // What ends or is said of something else is not the end of the waiting for a photo's answer, or for a model.
        boolean waits = awaited != 0 || opening.busy();
        state = waits && !next.busy ? next.working().told(next.message) : next;
        if (screen != null) {
            screen.show(state, latest == null ? null : latest.bitmap);
        }
    }
}
