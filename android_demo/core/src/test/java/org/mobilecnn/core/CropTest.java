package org.mobilecnn.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.util.Random;
import org.junit.Test;

/** What of a camera's frame is seen on phones and tablets, however they are held. */
public final class CropTest {
    private static String shown(int width, int height, int degrees, int placeWidth, int placeHeight) {
        Crop part = Crop.shown(width, height, degrees, placeWidth, placeHeight);
        return part.left + "," + part.top + " " + part.width + "x" + part.height;
    }

    @Test
    public void aPhoneUprightShowsTheMiddle() {
        // 396 of the 548 dp that the picture is high: 28 % are not seen.
        assertEquals("89,0 462x480", shown(640, 480, 90, 411, 396));
        assertEquals("89,0 462x480", shown(640, 480, 270, 411, 396));
        assertEquals(548, Crop.shownHeight(480, 640, 411));
    }

    @Test
    public void aPhoneOnItsSideShowsAll() {
        assertEquals("0,0 640x480", shown(640, 480, 0, 445, 411));
        assertEquals("0,0 640x480", shown(640, 480, 180, 445, 411));
    }

    @Test
    public void aTabletUprightShowsTheMiddle() {
        assertEquals("131,0 378x480", shown(640, 480, 90, 752, 592));
        // As many tablets' cameras are mounted, their frames are upright when the tablet is on its side.
        assertEquals("0,51 640x378", shown(640, 480, 0, 1000, 590));
        assertEquals("0,51 640x378", shown(640, 480, 180, 1000, 590));
    }

    @Test
    public void anOddRowIsBelowWhicheverWayTheFrameIsStored() {
        // Of five rows four are seen: the upright frame's first four.
        assertEquals("0,0 6x4", shown(6, 5, 0, 6, 4));
        assertEquals("0,1 6x4", shown(6, 5, 180, 6, 4));
        assertEquals("0,0 4x6", shown(5, 6, 90, 6, 4));
        assertEquals("1,0 4x6", shown(5, 6, 270, 6, 4));
    }

    @Test
    public void aPlaceOfNoSizeShowsAllAndALowOneARow() {
        assertEquals("0,0 640x480", shown(640, 480, 90, 0, 0));
        assertEquals("319,0 1x480", shown(640, 480, 90, 10_000, 1));
        assertEquals("0,0 640x480", shown(640, 480, 0, Integer.MAX_VALUE, Integer.MAX_VALUE));
        assertThrows(IllegalArgumentException.class, () -> Crop.shown(640, 480, 45, 1, 1));
    }

    /** The part is what lies within the place when the picture is as wide as that, and in its middle. */
    @Test
    public void thePartIsWhatTheTransformOfThePreviewLeaves() {
        Random random = new Random(7);
        for (int times = 0; times < 2000; times++) {
            int width = 1 + random.nextInt(2000);
            int height = 1 + random.nextInt(2000);
            int degrees = 90 * random.nextInt(4);
            int placeWidth = 1 + random.nextInt(2000);
            int placeHeight = 1 + random.nextInt(2000);
            Crop part = Crop.shown(width, height, degrees, placeWidth, placeHeight);
            boolean aside = degrees % 180 != 0;
            double across = aside ? height : width;
            double down = aside ? width : height;
            double scale = placeWidth / across;
            double above = Math.max(0, (down * scale - placeHeight) / 2) / scale;
            int first = degrees == 0 ? part.top : degrees == 90 ? part.left
                    : degrees == 180 ? height - part.top - part.height : width - part.left - part.width;
            String where = width + " x " + height + ", " + degrees + ", in " + placeWidth + " x " + placeHeight;
            assertEquals(where, above, first, 1.0);
            assertEquals(where, down - 2 * above, aside ? part.width : part.height, 1.0);
            assertEquals(where, (int) across, aside ? part.height : part.width);
            assertTrue(where, part.left >= 0 && part.top >= 0 && part.left + part.width <= width
                    && part.top + part.height <= height);
        }
    }
}
