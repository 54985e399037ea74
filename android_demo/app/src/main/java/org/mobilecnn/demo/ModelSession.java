package org.mobilecnn.demo;

import android.content.Context;
import android.graphics.Bitmap;
import android.net.Uri;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import android.util.Log;
import android.util.Size;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.mobilecnn.core.AnswerCheck;
import org.mobilecnn.core.Digest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;

/**
 * The loaded model and the thread that it runs on.
 *
 * <p>The model and the pictures that it classifies belong to that one thread, so nothing is shared
 * and nothing is locked. Its work is queued in the order of the calls; {@link Listener} hears of the
 * outcome on the main thread. Whatever goes wrong in the work is a message.
 */
final class ModelSession {
    /** The recipient of outcomes; every method is called on the main thread. */
    interface Listener {
        /** A model was loaded, and answered its golden pictures. */
        void onLoaded(Choice choice, Passport passport, AnswerCheck check);

        /** A model cannot run; {@code passport} is null where it could not be read. */
        void onRefused(Choice choice, Passport passport, String why);

        /** A photo was classified; {@code remark} on it is for the user, and empty where there is none. */
        void onPhoto(int request, Answer answer, String remark);

        /** Nothing more comes of this request; {@code text} is for the user, and empty where there is nothing to say. */
        void onPhotoFailed(int request, String text);

        /** A camera frame was classified; the rate is 0 for the first frame. */
        void onFrame(Answer answer, double framesPerSecond);

        /** The camera needs a surface of this size to draw on; {@code sideways} if it will be turned by a quarter. */
        void onSurfaceWanted(Size size, boolean sideways);

        /** Something went wrong; {@code text} is for the user, and nothing more comes of what was asked for, photos aside. */
        void onMessage(String text);
    }

    /** Work on the thread. */
    interface Task {
        /** Does it. An exception becomes a message. */
        void run() throws Exception;
    }

    /** What makes a model of its file. */
    interface Loader {
        /** @throws Problem if the runtime refuses it, or it is not what the passport describes. */
        Classifier load(ByteBuffer file, Passport passport, Choice choice) throws Problem;
    }

    /** A model and the way it is to run. */
    static final class Choice {
        String model;
        int threads;
        Classifier.Kernels kernels;

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
        Choice choice;

        /** The passport of that model. */
        Passport passport;

        Classifier.Result result;

        /** The picture, sized for the screen; null for a camera frame, which the preview shows. */
        Bitmap bitmap;

        private Answer(Choice choice, Passport passport, Classifier.Result result, Bitmap bitmap) {
            this.choice = choice;
            this.passport = passport;
            this.result = result;
            this.bitmap = bitmap;
        }
    }

    /**
     * Held by whoever has work for a model: a measurement of the speeds would be of two things at once beside a model that is
     * loaded or a photo that is classified.
     */
    static final ReentrantLock PROCESSOR = new ReentrantLock(true);

    /** The number of tasks of all sessions that are queued, or being done. */
    private static final AtomicInteger UNDONE = new AtomicInteger();

    /** Another one in tests. */
    volatile Loader loader = (file, card, choice) -> new Classifier(file, card, choice.threads, choice.kernels);

    private final Context context;
    private final Listener listener;
    private final Handler screen = new Handler(Looper.getMainLooper());
    private final HandlerThread thread = new HandlerThread("inference");
    private final Handler worker;

    private volatile int loads;

    /** The choice of the latest call of {@link #load}; older ones are not worth their loading. */
    private volatile Choice wanted;

    /** The number of the latest call of {@link #classifyPhoto}: nobody waits for what older ones asked for. The main thread sets it. */
    private volatile int requests;

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

    /** Queues work, whose exceptions become messages. */
    void post(Task task) {
        post(task, this::tell);
    }

    /** Whether nothing is queued for any model, nor being done. */
    static boolean idle() {
        return UNDONE.get() == 0;
    }

    /** Queues work; what is to be said of an exception goes to {@code otherwise}, on the session's thread. */
    void post(Task task, Consumer<String> otherwise) {
        UNDONE.incrementAndGet();
        boolean queued = worker.post(() -> {
            PROCESSOR.lock();
            try {
                task.run();
            } catch (Exception | OutOfMemoryError | LinkageError failure) {
                otherwise.accept(Words.failure(context, failure));
            } finally {
                UNDONE.decrementAndGet();
                PROCESSOR.unlock();
            }
        });
        if (!queued) {
            // The thread has ended.
            UNDONE.decrementAndGet();
        }
    }

    /** Queues the loading of a model, and its answers to the golden pictures. */
    void load(Choice choice) {
        wanted = choice;
        post(() -> {
            if (choice == wanted) {
                loadNow(choice);
            }
        });
    }

    /**
     * Queues the classification of a photo; what was asked of earlier ones is given up.
     *
     * @return the number that the listener is told with the answer.
     */
    int classifyPhoto(Uri uri) {
        int request = ++requests;
        post(() -> {
            if (request == requests) {
                classifyPhotoNow(request, uri);
            }
        }, text -> failPhoto(request, text));
        return request;
    }

    /** Gives up what was asked of photos. */
    void forgetPhotos() {
        requests++;
    }

    private void failPhoto(int request, String text) {
        screen.post(() -> listener.onPhotoFailed(request, text));
    }

    /** Queues the closing of the model where no other follows. */
    void unload() {
        wanted = null;
        post(this::closeModel);
    }

    /** Queues the closing of the model, after which the thread ends. */
    void close() {
        post(this::closeModel);
        thread.quitSafely();
    }

    /**
     * On the worker thread: classifies a camera frame and has the listener show the answer.
     *
     * @throws Problem if the model cannot run.
     */
    void classifyFrame(Picture frame, double framesPerSecond) throws Problem {
        if (classifier == null) {
            return;
        }
        Answer answer = new Answer(loaded, passport, classifier.classify(frame), null);
        screen.post(() -> listener.onFrame(answer, framesPerSecond));
    }

    /** Has the listener provide a surface for the camera. */
    void askForSurface(Size size, boolean sideways) {
        screen.post(() -> listener.onSurfaceWanted(size, sideways));
    }

    /** Queues work for the main thread. */
    void onScreen(Runnable work) {
        screen.post(work);
    }

    /** Has the listener show a message. */
    void tell(String text) {
        screen.post(() -> listener.onMessage(text));
    }

    /** How many models were loaded so far, or refused. */
    int loads() {
        return loads;
    }

    private void loadNow(Choice choice) {
        loads = loads + 1;
        Passport read = null;
        try {
            closeModel();
            read = Models.passport(context, choice.model);
            ByteBuffer content = Models.open(context, choice.model);
            Digest.expect(choice.model, content, read.sha256, "its passport describes");
            classifier = loader.load(content, read, choice);
            passport = read;
            loaded = choice;
            showLoaded(choice, read, classifier.check(Models.golden(read)));
        } catch (Problem | RuntimeException | OutOfMemoryError | LinkageError failure) {
            closeModel();
            showRefused(choice, read, Words.failure(context, failure));
        }
    }

    private void showLoaded(Choice choice, Passport card, AnswerCheck check) {
        // For who sees no screen: an emulator's job, and "adb logcat -s mobilecnn".
        Log.i(Words.TAG, choice.model + ": answers " + check.verdict + (check.reason.isEmpty() ? "" : ": " + check.reason));
        screen.post(() -> listener.onLoaded(choice, card, check));
    }

    private void showRefused(Choice choice, Passport card, String why) {
        screen.post(() -> listener.onRefused(choice, card, why));
    }

    private void classifyPhotoNow(int request, Uri uri) throws Problem {
        if (classifier == null) {
            // The screen says why.
            failPhoto(request, "");
            return;
        }
        try {
            Photo photo = Photo.open(context.getContentResolver(), uri);
            String remark = photo.reduced ? context.getString(R.string.reduced) : "";
            Classifier.Result result = classifier.classify(photo.picture);
            Answer answer = new Answer(loaded, passport, result, Photo.shown(photo.picture));
            screen.post(() -> listener.onPhoto(request, answer, remark));
        } catch (IOException unreadable) {
            failPhoto(request, context.getString(R.string.photo_failed, Words.reason(context, unreadable)));
        }
    }

    private void closeModel() {
        Classifier old = classifier;
        // Whatever its closing does: it is not to be used, nor closed again.
        classifier = null;
        passport = null;
        loaded = null;
        try {
            if (old != null) {
                old.close();
            }
        } catch (RuntimeException | OutOfMemoryError | LinkageError leftOpen) {
            // Nothing here can free a model that does not close, and the next one is no worse for it.
            Log.w(Words.TAG, leftOpen);
        }
    }
}
