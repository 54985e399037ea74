package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.ContentResolver;
import android.content.Context;
import android.content.ContextWrapper;
import android.content.res.AssetManager;
import android.content.res.Resources;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Paint;
import android.os.Build;
import com.google.ai.edge.litert.CompiledModel;
import com.google.ai.edge.litert.LiteRtException;
import com.google.ai.edge.litert.TensorBuffer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import kotlin.Unit;
import org.junit.After;
import org.junit.Test;
import org.mobilecnn.compose.CompiledModelRuntime;
import org.mobilecnn.compose.PicturesKt;
import org.mobilecnn.compose.Session;
import org.mobilecnn.core.Picture;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.util.ReflectionHelpers;

/** How the skin in Kotlin decodes photos, and what works behind its screen; of all that it has, this can run here. */
public final class OtherSkinTest extends AppTestCase {
    /** The EXIF orientation of a picture that has to be turned clockwise by a quarter. */
    private static final int TURNED = 6;

    private final int here = Build.VERSION.SDK_INT;

    @After
    public void endOthers() {
        OtherBitmaps.swapped = false;
        ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", here);
    }

    /** Before Android 9 nothing turns them by itself. */
    @Test
    public void photosBeforeAndroid9AreTurnedAsTheyShouldBe() throws Exception {
        ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", Build.VERSION_CODES.O_MR1);
        Picture plain = decode(jpeg(0));
        assertEquals("64 x 32", plain.width() + " x " + plain.height());
        assertEquals("red, blue", color(plain, 8, 16) + ", " + color(plain, 56, 16));
        Picture turned = decode(jpeg(TURNED));
        assertEquals("32 x 64", turned.width() + " x " + turned.height());
        assertEquals("red, blue", color(turned, 16, 8) + ", " + color(turned, 16, 56));
    }

    /** Phones have red first in memory, this computer blue; Android promises neither. */
    @Test
    @Config(shadows = OtherBitmaps.class)
    public void theOrderOfBytesIsFoundOut() throws Exception {
        ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", Build.VERSION_CODES.O_MR1);
        Picture here = decode(jpeg(0));
        assertEquals("red, blue", color(here, 8, 16) + ", " + color(here, 56, 16));
        OtherBitmaps.swapped = true;
        Picture there = decode(jpeg(0));
        assertEquals("red, blue", color(there, 8, 16) + ", " + color(there, 56, 16));
        assertNotEquals(here.order(), there.order());
    }

    /** On the camera's thread nothing would catch what fails in making a picture of a frame. */
    @Test
    public void aFrameThatCannotBeMadeAPictureOfIsAMessage() {
        // Android's own assets, which have no models: what would run them is not here.
        Context context = new ContextWrapper(RuntimeEnvironment.getApplication()) {
            @Override
            public AssetManager getAssets() {
                return Resources.getSystem().getAssets();
            }
        };
        List<String> said = new ArrayList<>();
        try (Session session = new Session(context, choice -> null, shown -> {
            said.add(shown.getState().message);
            return Unit.INSTANCE;
        })) {
            session.frame(() -> fail(new AssertionError("made while the camera is off")));
            session.live();
            session.frame(() -> fail(new OutOfMemoryError("of a test")));
            assertEquals(context.getString(R.string.out_of_memory), last(said));
            session.frame(() -> fail(new IOException("no copy")));
            assertEquals(context.getString(R.string.photo_failed, "no copy"), last(said));
            session.frame(() -> fail(new IllegalArgumentException("x + width must be <= bitmap.width()")));
            assertEquals(context.getString(R.string.unexpected, "x + width must be <= bitmap.width()"), last(said));
            // What is no RuntimeException, as the runtime's failures, and what is no Exception.
            session.frame(() -> fail(new LiteRtException("no such delegate")));
            assertEquals(context.getString(R.string.unexpected, "no such delegate"), last(said));
            session.frame(() -> fail(new UnsatisfiedLinkError("no library")));
            assertEquals(context.getString(R.string.unexpected, "no library"), last(said));
            session.frame(() -> fail(new IllegalStateException()));
            assertEquals(context.getString(R.string.unexpected, "no reason given"), last(said));
        }
    }

    /** Here the closing of LiteRT's classes, which are declarations, fails: the model's is tried last, and all the same. */
    @Test
    public void aBufferThatCannotBeClosedLeavesNoModelOpen() throws Exception {
        // What makes one needs LiteRT.
        Field only = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe");
        only.setAccessible(true);
        CompiledModelRuntime runtime = (CompiledModelRuntime) only.getType()
                .getMethod("allocateInstance", Class.class).invoke(only.get(null), CompiledModelRuntime.class);
        TensorBuffer buffer = ReflectionHelpers.callConstructor(TensorBuffer.class);
        ReflectionHelpers.setField(runtime, "inputs", Collections.singletonList(buffer));
        ReflectionHelpers.setField(runtime, "outputs", Arrays.asList(buffer, buffer));
        ReflectionHelpers.setField(runtime, "model", ReflectionHelpers.callConstructor(CompiledModel.class));
        Error failure = assertThrows(Error.class, runtime::close);
        String where = Arrays.toString(failure.getStackTrace());
        assertTrue(where, where.contains("litert.CompiledModel.close"));
    }

    private static String last(List<String> said) {
        return said.get(said.size() - 1);
    }

    /** Throws anything, as Kotlin does. */
    private static Picture fail(Throwable failure) {
        throw AppTestCase.<RuntimeException>any(failure);
    }

    private static Picture decode(byte[] file) {
        ContentResolver resolver = RuntimeEnvironment.getApplication().getContentResolver();
        shadowOf(resolver).registerInputStreamSupplier(PHOTO, () -> new ByteArrayInputStream(file));
        return PicturesKt.decode(resolver, PHOTO);
    }

    private static String color(Picture picture, int x, int y) {
        int pixel = picture.pixel(x, y);
        int high = pixel >> 16 & 0xFF;
        int low = pixel & 0xFF;
        int red = picture.order() == Picture.Order.ARGB ? high : low;
        return red > 200 ? "red" : red < 50 ? "blue" : "between: " + red;
    }

    /** A JPEG, red on the left and blue on the right, with this EXIF orientation; 0 for none. */
    private static byte[] jpeg(int orientation) throws Exception {
        Bitmap bitmap = Bitmap.createBitmap(64, 32, Bitmap.Config.ARGB_8888);
        bitmap.eraseColor(Color.BLUE);
        Paint red = new Paint();
        red.setColor(Color.RED);
        new Canvas(bitmap).drawRect(0, 0, 32, 32, red);
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        bitmap.compress(Bitmap.CompressFormat.JPEG, 95, file);
        byte[] plain = file.toByteArray();
        if (orientation == 0) {
            return plain;
        }
        ByteArrayOutputStream tagged = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(tagged);
        out.write(plain, 0, 2);
        // A segment of 34 bytes: big-endian TIFF with one entry, the orientation, which is one short number.
        out.writeShort(0xFFE1);
        out.writeShort(34);
        out.write("Exif".getBytes(StandardCharsets.US_ASCII));
        out.writeShort(0);
        out.write("MM".getBytes(StandardCharsets.US_ASCII));
        out.writeShort(42);
        out.writeInt(8);
        out.writeShort(1);
        out.writeShort(0x0112);
        out.writeShort(3);
        out.writeInt(1);
        out.writeShort(orientation);
        out.writeShort(0);
        out.writeInt(0);
        out.write(plain, 2, plain.length - 2);
        return tagged.toByteArray();
    }
}
