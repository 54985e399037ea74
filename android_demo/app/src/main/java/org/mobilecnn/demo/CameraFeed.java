package org.mobilecnn.demo;

import android.content.Context;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraManager;
import android.os.Handler;
import android.os.HandlerThread;
import android.util.Size;
import android.view.Surface;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicBoolean;
import org.mobilecnn.core.Crop;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.YuvFrame;

/**
 * Feeds the frames of a camera to the loaded model.
 *
 * <p>The camera has a thread of its own. It converts what the preview shows of a frame when the model is
 * free, hands it over, and lets all frames go that come meanwhile.
 */
final class CameraFeed implements Camera.Listener {
    /** The number of frames that the displayed rate is computed over. */
    private static final int RATE_FRAMES = 10;

    private final Context context;
    private final ModelSession session;
    private final HandlerThread thread = new HandlerThread("camera");
    private final Handler handler;
    private final AtomicBoolean taken = new AtomicBoolean();
    private volatile int rotation;

    /** Where the preview is shown, in pixels of the screen; 0 x 0 before it is laid out. */
    private volatile Size place = new Size(0, 0);

    // Used on the camera's thread only.
    private CameraFacts facts;
    private Camera camera;
    private int unreleased;
    private boolean closing;

    // Used by whoever has taken a frame.
    private final YuvFrame frames = new YuvFrame();
    private final Deque<Long> frameNanos = new ArrayDeque<>();

    /** Starts the camera's thread; {@link #close} ends it. */
    CameraFeed(Context context, ModelSession session) {
        this.context = context;
        this.session = session;
        thread.start();
        handler = new Handler(thread.getLooper());
    }

    /** Queues a look at the cameras, after which the session's listener is asked for a surface to draw on. */
    void prepare() {
        post(this::prepareNow);
    }

    /**
     * Queues the start of the camera; one that runs already is started again.
     *
     * @param preview the surface that was asked for.
     */
    void start(Surface preview) {
        post(() -> startNow(preview));
    }

    /**
     * Tells how the display is turned; a camera that runs goes on.
     *
     * @param turned one of the constants of {@link Surface}.
     */
    void turn(int turned) {
        rotation = turned;
    }

    /**
     * Tells where the preview is shown; the model is given what is seen there.
     *
     * @param shown the size of the place, in pixels of the screen.
     */
    void place(Size shown) {
        place = shown;
    }

    /** Queues the stop of the camera, if it runs. */
    void stop() {
        post(this::stopNow);
    }

    /** Queues the end of the thread, once no camera is open. */
    void close() {
        post(() -> {
            closing = true;
            stopNow();
            quitIfReleased();
        });
    }

    @Override
    public boolean wantsFrame() {
        return !taken.get();
    }

    @Override
    public void onFrame(int width, int height, YuvFrame.Plane luma, YuvFrame.Plane cb, YuvFrame.Plane cr) {
        taken.set(true);
        Picture frame;
        try {
            int degrees = degrees();
            Size seen = place;
            Crop part = Crop.shown(width, height, degrees, seen.getWidth(), seen.getHeight());
            frame = frames.read(part, luma, cb, cr, degrees);
        } catch (RuntimeException | OutOfMemoryError | LinkageError failure) {
            // No task follows that would clear this, and no other frame would ever be asked for.
            taken.set(false);
            throw failure;
        }
        session.post(() -> {
            try {
                session.classifyFrame(frame, framesPerSecond());
            } finally {
                taken.set(false);
            }
        });
    }

    @Override
    public void onCameraEnd(String why) {
        session.tell(context.getString(R.string.camera_failed, why == null ? context.getString(R.string.no_reason) : why));
    }

    @Override
    public void onTaken() {
        unreleased++;
    }

    @Override
    public void onReleased() {
        unreleased--;
        quitIfReleased();
    }

    /** The clockwise turn in degrees that brings a frame upright on the display as it is now. */
    int degrees() {
        return facts.degrees(rotation);
    }

    private void post(Runnable work) {
        handler.post(() -> {
            try {
                work.run();
            } catch (RuntimeException | OutOfMemoryError | LinkageError failure) {
                session.tell(context.getString(R.string.camera_failed, Words.reason(context, failure)));
            }
        });
    }

    private void prepareNow() {
        stopNow();
        try {
            facts = CameraFacts.choose(context.getSystemService(CameraManager.class));
            if (facts == null) {
                session.tell(context.getString(R.string.no_camera));
            } else {
                session.askForSurface(facts.preview, degrees() % 180 != 0);
            }
        } catch (CameraAccessException refusal) {
            session.tell(context.getString(R.string.camera_failed, Words.reason(context, refusal)));
        }
    }

    private void startNow(Surface preview) {
        stopNow();
        if (facts == null || closing) {
            return;
        }
        try {
            CameraManager manager = context.getSystemService(CameraManager.class);
            camera = Camera.open(manager, facts, preview, handler, this);
        } catch (CameraAccessException | IllegalArgumentException refusal) {
            session.tell(context.getString(R.string.camera_failed, Words.reason(context, refusal)));
        } catch (SecurityException refusal) {
            session.tell(context.getString(R.string.camera_refused));
        }
    }

    private void stopNow() {
        if (camera != null) {
            camera.close();
        }
        camera = null;
    }

    private void quitIfReleased() {
        if (closing && unreleased == 0) {
            thread.quitSafely();
        }
    }

    /** The rate over the last frames, this one included; 0 for the first. */
    private double framesPerSecond() {
        frameNanos.addLast(System.nanoTime());
        if (frameNanos.size() > RATE_FRAMES) {
            frameNanos.removeFirst();
        }
        long span = frameNanos.getLast() - frameNanos.getFirst();
        return span == 0 ? 0.0 : (frameNanos.size() - 1) * 1e9 / span;
    }
}
