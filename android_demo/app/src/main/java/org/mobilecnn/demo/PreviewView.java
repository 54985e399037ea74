package org.mobilecnn.demo;

import android.content.Context;
import android.util.AttributeSet;
import android.util.Size;
import android.view.SurfaceHolder;
import android.view.SurfaceView;
import android.view.View;
import org.mobilecnn.core.Crop;

/** Where the camera draws: as wide as its place, in its middle, and of the camera's shape; the place cuts off the rest. */
public final class PreviewView extends SurfaceView implements SurfaceHolder.Callback {
    private Presenter presenter;
    private Size wanted;

    /** The size of the surface that there is; null without one. */
    private Size ready;

    private boolean sideways;

    /** As the layout makes it. */
    public PreviewView(Context context, AttributeSet attributes) {
        super(context, attributes);
        getHolder().addCallback(this);
    }

    /** Provides a surface of this size, now or as soon as there is one. */
    void prepare(Presenter camera, Size size, boolean turned) {
        presenter = camera;
        wanted = size;
        sideways = turned;
        tellPlace();
        requestLayout();
        getHolder().setFixedSize(size.getWidth(), size.getHeight());
        if (size.equals(ready)) {
            presenter.onSurface(getHolder().getSurface());
        }
    }

    /** The size that the camera wants; null before it has said so. */
    Size wanted() {
        return wanted;
    }

    @Override
    public void surfaceCreated(SurfaceHolder holder) {
        // Its size follows.
    }

    @Override
    public void surfaceChanged(SurfaceHolder holder, int format, int width, int height) {
        ready = new Size(width, height);
        if (presenter != null && ready.equals(wanted)) {
            presenter.onSurface(holder.getSurface());
        }
    }

    @Override
    public void surfaceDestroyed(SurfaceHolder holder) {
        ready = null;
        if (presenter != null) {
            presenter.onSurface(null);
        }
    }

    @Override
    protected void onMeasure(int widthSpec, int heightSpec) {
        int width = MeasureSpec.getSize(widthSpec);
        int height = MeasureSpec.getSize(heightSpec);
        if (wanted != null && width > 0 && height > 0) {
            int across = sideways ? wanted.getHeight() : wanted.getWidth();
            int down = sideways ? wanted.getWidth() : wanted.getHeight();
            height = Crop.shownHeight(across, down, width);
        }
        setMeasuredDimension(width, height);
    }

    @Override
    protected void onLayout(boolean changed, int left, int top, int right, int bottom) {
        super.onLayout(changed, left, top, right, bottom);
        tellPlace();
    }

    private void tellPlace() {
        View place = (View) getParent();
        if (presenter != null && place.getWidth() > 0 && place.getHeight() > 0) {
            presenter.onPlace(new Size(place.getWidth(), place.getHeight()));
        }
    }
}
