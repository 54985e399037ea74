package org.mobilecnn.demo;

import android.content.Context;
import android.graphics.Bitmap;
import android.net.Uri;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.mobilecnn.core.Digest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;

/**
 * The loaded model and the thread that it runs on.
 *
 * <p>The model and the pictures that it classifies belong to that one thread, so nothing is shared
 * and nothing is locked. Its work is queued in the order of the calls; {@link Listener} hears of the
 * outcome on the main thread.
 */
final class ModelSession {
    /** The recipient of outcomes; every method is called on the main thread. */
    interface Listener {
        /**
         * A model was loaded, or refused.
         *
         * @param passport null where it could not be read.
         * @param status the verdict on the model's answers, or the reason for the refusal.
         */
        void onLoaded(Choice choice, Passport passport, String status);

        /** A photo was classified; {@code remark} on it is for the user, and null where there is none. */
        void onPhoto(Answer answer, String remark);

        /** A camera frame was classified; the rate is 0 for the first frame. */
        void onFrame(Answer answer, double framesPerSecond);

        /** Something went wrong; {@code text} is for the user. */
        void onMessage(String text);
    }

    /** A model and the way it is to run. */
    static final class Choice {
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

    /** What a model said of one picture. */
    static final class Answer {
        /** The model that answered. */
        final Choice choice;

        /** The passport of that model. */
        final Passport passport;

        final Classifier.Result result;

        /** The picture, sized for the screen. */
        final Bitmap bitmap;

        private Answer(Choice choice, Passport passport, Classifier.Result result, Bitmap bitmap) {
            this.choice = choice;
            this.passport = passport;
            this.result = result;
            this.bitmap = bitmap;
        }
    }

    private final Context context;
    private final Listener listener;
    private final Handler screen = new Handler(Looper.getMainLooper());
    private final HandlerThread thread = new HandlerThread("inference");
    private final Handler worker;

    // Used on the worker thread only.
    private Classifier classifier;
    private Passport passport;
    private Choice loaded;

    /** Starts the thread; {@link #close} ends it. */
    ModelSession(Context context, Listener listener) {
        this.context = context;
        this.listener = listener;
        thread.start();
        worker = new Handler(thread.getLooper());
    }

    /** The queue of the worker thread. */
    Handler worker() {
        return worker;
    }

    /** Queues the loading of a model, and its answers to the golden pictures. */
    void load(final Choice choice) {
        worker.post(new Runnable() {
            @Override
            public void run() {
                loadNow(choice);
            }
        });
    }

    /** Queues the classification of a photo. */
    void classifyPhoto(final Uri uri) {
        worker.post(new Runnable() {
            @Override
            public void run() {
                classifyPhotoNow(uri);
            }
        });
    }

    /** Queues the closing of the model, after which the thread ends. */
    void close() {
        worker.post(new Runnable() {
            @Override
            public void run() {
                closeModel();
            }
        });
        thread.quitSafely();
    }

    /**
     * On the worker thread: classifies a picture.
     *
     * @return null while no model is loaded.
     * @throws Problem if the model cannot run.
     */
    Answer classify(Picture picture) throws Problem {
        if (classifier == null) {
            return null;
        }
        Classifier.Result result = classifier.classify(picture);
        return new Answer(loaded, passport, result, Photo.shown(picture));
    }

    /** On the worker thread: has the listener show the answer for a camera frame. */
    void showFrame(final Answer answer, final double framesPerSecond) {
        screen.post(new Runnable() {
            @Override
            public void run() {
                listener.onFrame(answer, framesPerSecond);
            }
        });
    }

    /** On the worker thread: has the listener show a message. */
    void tell(final String text) {
        screen.post(new Runnable() {
            @Override
            public void run() {
                listener.onMessage(text);
            }
        });
    }

    private void loadNow(final Choice choice) {
        closeModel();
        String text;
        Passport read = null;
        try {
            read = Models.passport(context, choice.model);
            ByteBuffer content = Models.open(context, choice.model);
            Digest.expect(choice.model, content, read.sha256, "its passport describes");
            classifier = new Classifier(content, read, choice.threads, choice.kernels);
            passport = read;
            loaded = choice;
            text = ModelText.verdict(context, read, classifier.check(Models.golden(read)));
        } catch (Problem problem) {
            closeModel();
            text = problem.getMessage();
        } catch (OutOfMemoryError full) {
            closeModel();
            text = context.getString(R.string.out_of_memory);
        }
        final String status = text;
        final Passport card = read;
        screen.post(new Runnable() {
            @Override
            public void run() {
                listener.onLoaded(choice, card, status);
            }
        });
    }

    private void classifyPhotoNow(Uri uri) {
        try {
            Photo photo = Photo.open(context.getContentResolver(), uri);
            final String remark = photo.reduced ? context.getString(R.string.reduced) : null;
            final Answer answer = classify(photo.picture);
            if (answer != null) {
                screen.post(new Runnable() {
                    @Override
                    public void run() {
                        listener.onPhoto(answer, remark);
                    }
                });
            }
        } catch (IOException unreadable) {
            tell(context.getString(R.string.photo_failed, unreadable.getMessage()));
        } catch (Problem problem) {
            tell(problem.getMessage());
        } catch (OutOfMemoryError full) {
            tell(context.getString(R.string.out_of_memory));
        }
    }

    private void closeModel() {
        if (classifier != null) {
            classifier.close();
        }
        classifier = null;
        passport = null;
        loaded = null;
    }
}
