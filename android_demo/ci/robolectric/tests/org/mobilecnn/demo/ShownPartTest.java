package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.robolectric.Shadows.shadowOf;

import android.os.Looper;
import android.view.View;
import java.nio.ByteBuffer;
import java.util.function.IntPredicate;
import org.junit.Test;
import org.mobilecnn.core.Outcome;
import org.mobilecnn.core.Ranking;
import org.mobilecnn.core.YuvFrame;
import org.robolectric.annotation.Config;

/** The model is given of a camera's frame what the preview shows of it: no more, and no less. */
public final class ShownPartTest extends AppTestCase {
    private static final int WIDTH = 640;
    private static final int HEIGHT = 480;

    /** Rows on either side of an edge that are not looked at: a colour of a frame is two rows high. */
    private static final int EDGE = 2;

    /** Y, Cb and Cr. */
    private static final int[] GREEN = {150, 44, 21};
    private static final int[] RED = {76, 85, 255};

    @Test
    public void onAPhone() {
        expectShown(0.28);
    }

    @Test
    @Config(qualifiers = "w891dp-h411dp-land-xhdpi")
    public void onItsSide() {
        expectShown(0.0);
    }

    @Test
    @Config(qualifiers = "w1280dp-h800dp-land-mdpi")
    public void onATablet() {
        expectShown(0.0);
    }

    @Test
    @Config(qualifiers = "w800dp-h1280dp-port-mdpi")
    public void onATabletUpright() {
        expectShown(0.40);
    }

    /** @param hidden the share of the picture that is above and below what is seen. */
    private void expectShown(double hidden) {
        use(staged("colour.float32"));
        MainActivity activity = withCamera().get();
        openCamera(activity);
        waitFor("camera", () -> devices().size() == 1, activity);
        shadowOf(Looper.getMainLooper()).idle();
        View preview = activity.findViewById(R.id.preview);
        View place = (View) preview.getParent();
        boolean sideways = activity.presenter().feed().degrees() % 180 != 0;
        int rows = sideways ? WIDTH : HEIGHT;
        double row = preview.getHeight() / (double) rows;
        double first = Math.max(0, -preview.getTop()) / row;
        double end = Math.min(preview.getHeight(), place.getHeight() - preview.getTop()) / row;
        assertEquals(hidden, 1 - (end - first) / rows, 0.005);
        String green = answer(activity, y -> false);
        assertEquals("what is not seen", green, answer(activity, y -> y < first - EDGE || y >= end + EDGE));
        assertNotEquals("above", green, answer(activity, y -> y >= first + EDGE && y < first + 10 * EDGE));
        assertNotEquals("below", green, answer(activity, y -> y < end - EDGE && y >= end - 10 * EDGE));
    }

    /** What the model says of a frame that is green, but for these rows as they are seen, which are red. */
    private static String answer(MainActivity activity, IntPredicate red) {
        CameraFeed feed = activity.presenter().feed();
        int degrees = feed.degrees();
        ByteBuffer[] planes = new ByteBuffer[3];
        for (int i = 0; i < planes.length; i++) {
            int step = i == 0 ? 1 : 2;
            planes[i] = ByteBuffer.allocate(WIDTH / step * (HEIGHT / step));
            for (int y = 0; y < HEIGHT; y += step) {
                for (int x = 0; x < WIDTH; x += step) {
                    int row = degrees == 0 ? y : degrees == 90 ? x : degrees == 180 ? HEIGHT - 1 - y : WIDTH - 1 - x;
                    planes[i].put((byte) (red.test(row) ? RED : GREEN)[i]);
                }
            }
        }
        Outcome before = activity.presenter().state().outcome;
        waitFor("wish for a frame", feed::wantsFrame, activity);
        feed.onFrame(WIDTH, HEIGHT, new YuvFrame.Plane(planes[0], WIDTH, 1),
                new YuvFrame.Plane(planes[1], WIDTH / 2, 1), new YuvFrame.Plane(planes[2], WIDTH / 2, 1));
        waitFor("answer", () -> activity.presenter().state().outcome != before, activity);
        StringBuilder text = new StringBuilder();
        for (Ranking.Entry entry : activity.presenter().state().outcome.entries) {
            text.append(entry.index).append(' ').append(entry.probability).append(' ');
        }
        return text.toString();
    }
}
