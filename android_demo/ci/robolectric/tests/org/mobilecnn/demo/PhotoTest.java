package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;

import android.graphics.Bitmap;
import android.graphics.Color;
import android.view.View;
import android.view.ViewGroup;
import android.widget.TextView;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import org.junit.After;
import org.junit.Test;
import org.mobilecnn.core.Picture;
import org.robolectric.annotation.Config;

/** Photos: what is shown of the answer for each kind of output, and pictures that are none or come in other formats. */
public final class PhotoTest extends AppTestCase {
    /** The other bitmaps are those of the tests that ask for them. */
    @After
    public void endOtherBitmaps() {
        OtherBitmaps.tenBits = false;
        OtherBitmaps.swapped = false;
    }

    @Test
    public void aPhotoIsClassified() {
        MainActivity activity = verified();
        choosePhoto(activity, photo);
        // Of a picture that is hard to tell it says so.
        assertTrue(text(activity, R.id.headline), text(activity, R.id.headline).endsWith(label));
        assertTrue(text(activity, R.id.times), text(activity, R.id.times).contains(" ms to answer, "));
        View best = activity.<ViewGroup>findViewById(R.id.results).getChildAt(0);
        assertEquals(label, ((TextView) best.findViewById(R.id.label)).getText().toString());
        String spoken = String.valueOf(best.getContentDescription());
        assertTrue(spoken, spoken.startsWith(label + ", ") && spoken.endsWith("%"));
    }

    /** While it works on a picture, the screen says so; afterwards it does not. */
    @Test
    public void workIsSeen() {
        MainActivity activity = verified();
        assertEquals(View.INVISIBLE, activity.findViewById(R.id.progress).getVisibility());
        offer(activity, () -> new ByteArrayInputStream(photo));
        assertEquals(View.VISIBLE, activity.findViewById(R.id.progress).getVisibility());
        waitForResult(activity);
        assertEquals(View.INVISIBLE, activity.findViewById(R.id.progress).getVisibility());
    }

    /** Whatever the byte order of bitmaps: a network of colours tells red from blue, its golden pictures too. */
    @Test
    public void coloursAreDecodedAsTheyAre() throws Exception {
        use(staged("colour"));
        MainActivity activity = verified();
        int[] colors = {Color.RED, Color.GREEN, Color.BLUE};
        String[] names = {"red", "green", "blue"};
        for (int i = 0; i < colors.length; i++) {
            String name = names[i];
            offerSquare(activity, square(20, colors[i]));
            waitForText(activity, R.id.headline, name);
            // 16 bits a channel, which Android decodes to another pixel format.
            offerSquare(activity, deep(20, colors[(i + 1) % 3]));
            waitForText(activity, R.id.headline, names[(i + 1) % 3]);
        }
    }

    /** Android decodes to whichever format it likes. RGB_565 has 6 bits for green: steps of 4 in 255. */
    @Test
    public void everyPixelFormatBecomesEightBitsAColour() throws Exception {
        Bitmap.Config[] formats = {Bitmap.Config.ARGB_8888, Bitmap.Config.RGBA_F16, Bitmap.Config.RGB_565};
        for (Bitmap.Config format : formats) {
            isOrange(format.name(), Bitmap.createBitmap(3, 2, format), format == Bitmap.Config.RGB_565 ? 2 : 0);
        }
    }

    /** Of a photo that is larger than the screen all pixels count: lines of one pixel are grey, and do not come and go. */
    @Test
    public void aReducedPhotoIsSmooth() {
        for (int side : new int[] {1024, 2048, 3000, 4096, 8192}) {
            int[] lines = new int[side * 16];
            for (int i = 0; i < lines.length; i++) {
                lines[i] = i % 2 == 0 ? Color.BLACK : Color.WHITE;
            }
            Bitmap shown = Photo.shown(new Picture(side, 16, lines, Picture.Order.ARGB, 1));
            int step = (side + 1023) / 1024;
            assertEquals(side / step, shown.getWidth());
            for (int x = 0; x < shown.getWidth(); x++) {
                int wanted = step == 1 ? 255 * (x % 2) : 128;
                assertEquals(side + ", column " + x, wanted, Color.red(shown.getPixel(x, 0)), step == 3 ? 43 : 1);
            }
        }
        // Colours stay where they are, whatever the order of the bytes.
        int[] orange = new int[2048 * 2];
        java.util.Arrays.fill(orange, 0xFF000000 | 10 << 16 | 132 << 8 | 255);
        Bitmap shown = Photo.shown(new Picture(2048, 2, orange, Picture.Order.ABGR, 1));
        assertEquals(Color.rgb(255, 132, 10), shown.getPixel(5, 0));
    }

    /** This computer's Android ends when it draws in RGBA_1010102, so that another bitmap says that it is one. */
    @Test
    @Config(shadows = OtherBitmaps.class)
    public void aFormatOfTenBitsIsConvertedToo() throws Exception {
        Bitmap bitmap = Bitmap.createBitmap(3, 2, Bitmap.Config.RGBA_F16);
        OtherBitmaps.tenBits = true;
        assertEquals(Bitmap.Config.RGBA_1010102, bitmap.getConfig());
        isOrange("ten bits", bitmap, 0);
    }

    /** Phones have red first in memory, this computer blue; Android promises neither. */
    @Test
    @Config(shadows = OtherBitmaps.class)
    public void theOtherOrderOfBytesIsFoundOutToo() throws Exception {
        Picture.Order here = isOrange("as here", Bitmap.createBitmap(3, 2, Bitmap.Config.ARGB_8888), 0);
        OtherBitmaps.swapped = true;
        Picture.Order there = isOrange("swapped", Bitmap.createBitmap(3, 2, Bitmap.Config.ARGB_8888), 0);
        assertNotEquals(here, there);
    }

    /** Colours the bitmap, and expects that colour of the picture made of it. */
    private static Picture.Order isOrange(String what, Bitmap bitmap, int tolerance) throws IOException {
        bitmap.eraseColor(Color.rgb(255, 132, 0));
        Picture picture = Photo.picture(bitmap, 6);
        int[] pixels = new int[6];
        picture.rows(0, 3, pixels);
        boolean swapped = picture.order() == Picture.Order.ABGR;
        for (int pixel : pixels) {
            assertEquals(what, 255, pixel >> (swapped ? 0 : 16) & 0xFF);
            assertEquals(what, 132, pixel >> 8 & 0xFF, tolerance);
            assertEquals(what, 0, pixel >> (swapped ? 16 : 0) & 0xFF);
            assertEquals(what, 255, pixel >>> 24);
        }
        return picture.order();
    }

    @Test
    public void oneOutputTellsTwoClassesApart() {
        use(staged("light"));
        MainActivity activity = verified();
        offerSquare(activity, square(9, Color.WHITE));
        waitForText(activity, R.id.headline, "bright");
        assertEquals(2, shares(activity).size());
        assertEquals("bright, 100%", shares(activity).get(0));
        offerSquare(activity, square(9, Color.BLACK));
        waitForText(activity, R.id.headline, "dark");
        assertEquals("dark, 100%", shares(activity).get(0));
    }

    @Test
    public void labelsHoldByThemselves() {
        use(staged("parts"));
        MainActivity activity = verified();
        offerSquare(activity, square(9, Color.MAGENTA));
        waitForText(activity, R.id.headline, "has red, has blue");
        List<String> shares = shares(activity);
        assertEquals("has red, 100%, yes", shares.get(0));
        assertEquals("has green, 0%", shares.get(2));
        offerSquare(activity, square(9, Color.BLACK));
        waitForText(activity, R.id.headline, "None of these");
    }

    @Test
    public void anAnswerBelowTheThresholdIsNotSure() {
        use(staged("colour"));
        MainActivity activity = verified();
        offerSquare(activity, square(9, Color.rgb(130, 128, 127)));
        waitForText(activity, R.id.headline, "Not sure: perhaps red");
        activity.presenter().settings().keepShown(20, 1);
        activity.presenter().showAgain();
        assertEquals("red", text(activity, R.id.headline));
        assertEquals(1, shares(activity).size());
    }

    @Test
    public void whatIsNoPictureOrCannotBeReadIsAMessage() {
        MainActivity activity = verified();
        offer(activity, () -> new ByteArrayInputStream("not a picture".getBytes(StandardCharsets.US_ASCII)));
        waitForText(activity, R.id.message, "This picture cannot be read (not a picture). Choose another.");
        offer(activity, () -> {
            throw new UnsupportedOperationException("a provider that throws");
        });
        waitForText(activity, R.id.message, "This picture cannot be read (the app that offers it failed: ");
        offer(activity, () -> {
            throw new SecurityException("forgotten");
        });
        waitForText(activity, R.id.message, "this app may no longer read it");
        assertFalse(activity.presenter().state().busy);
        choosePhoto(activity, photo);
        assertEquals("", text(activity, R.id.message));
    }

    private static void offerSquare(MainActivity activity, byte[] png) {
        offer(activity, () -> new ByteArrayInputStream(png));
    }

    /** What is read out of the rows that are seen. */
    private static List<String> shares(MainActivity activity) {
        List<String> said = new ArrayList<>();
        ViewGroup results = activity.findViewById(R.id.results);
        for (int i = 0; i < results.getChildCount(); i++) {
            if (results.getChildAt(i).getVisibility() == View.VISIBLE) {
                said.add(String.valueOf(results.getChildAt(i).getContentDescription()));
            }
        }
        return said;
    }

    /** A PNG of one colour with 16 bits for each channel. */
    private static byte[] deep(int side, int color) throws IOException {
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        png.write(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'});
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        DataOutputStream numbers = new DataOutputStream(head);
        numbers.writeInt(side);
        numbers.writeInt(side);
        numbers.write(new byte[] {16, 2, 0, 0, 0});
        chunk(png, "IHDR", head.toByteArray());
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (DataOutputStream rows = new DataOutputStream(new DeflaterOutputStream(packed))) {
            for (int y = 0; y < side; y++) {
                rows.write(0);
                for (int x = 0; x < side; x++) {
                    rows.writeShort(Color.red(color) * 257);
                    rows.writeShort(Color.green(color) * 257);
                    rows.writeShort(Color.blue(color) * 257);
                }
            }
        }
        chunk(png, "IDAT", packed.toByteArray());
        chunk(png, "IEND", new byte[0]);
        return png.toByteArray();
    }

    private static void chunk(ByteArrayOutputStream png, String type, byte[] content) throws IOException {
        DataOutputStream out = new DataOutputStream(png);
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        CRC32 check = new CRC32();
        check.update(name);
        check.update(content);
        out.writeInt(content.length);
        out.write(name);
        out.write(content);
        out.writeInt((int) check.getValue());
    }
}
