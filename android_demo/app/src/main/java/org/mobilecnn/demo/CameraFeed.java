package org.mobilecnn.demo;

import android.content.Context;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraManager;
import java.util.ArrayDeque;
import java.util.Deque;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;

/** Feeds the frames of a camera to the loaded model, on the model's thread. */
final class CameraFeed implements Camera.Listener {
    /** The number of frames that the displayed rate is computed over. */
    private static final int RATE_FRAMES = 10;

    private final Context context;
    private final ModelSession session;

    // Used on the worker thread only.
    private Camera camera;
    private final Deque<Long> frameNanos = new ArrayDeque<>();

    CameraFeed(Context context, ModelSession session) {
        this.context = context;
        this.session = session;
    }

    /**
     * Queues the start of the camera; one that runs already is started again.
     *
     * @param rotation the display's, one of the constants of {@link android.view.Surface}.
     */
    void start(final int rotation) {
        session.worker().post(new Runnable() {
            @Override
            public void run() {
                startNow(rotation);
            }
        });
    }

    /** Queues the stop of the camera, if it runs. */
    void stop() {
        session.worker().post(new Runnable() {
            @Override
            public void run() {
                stopNow();
            }
        });
    }

    @Override
    public void onFrame(Picture frame) {
        try {
            ModelSession.Answer answer = session.classify(frame);
            if (answer != null) {
                session.showFrame(answer, framesPerSecond());
            }
        } catch (Problem problem) {
            stopNow();
            session.tell(problem.getMessage());
        }
    }

    @Override
    public void onCameraEnd(String why) {
        session.tell(context.getString(R.string.camera_failed, why));
    }

    private void startNow(int rotation) {
        stopNow();
        try {
            String id = Camera.choose(context.getSystemService(CameraManager.class));
            if (id == null) {
                session.tell(context.getString(R.string.no_camera));
                return;
            }
            camera = Camera.open(context, id, rotation, session.worker(), this);
        } catch (CameraAccessException | IllegalArgumentException refusal) {
            session.tell(context.getString(R.string.camera_failed, refusal.getMessage()));
        } catch (SecurityException refusal) {
            session.tell(context.getString(R.string.camera_refused));
        }
    }

    private void stopNow() {
        if (camera != null) {
            camera.close();
        }
        camera = null;
        frameNanos.clear();
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
