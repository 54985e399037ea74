package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Color;
import android.net.Uri;
import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import kotlin.Unit;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.mobilecnn.compose.Choice;
import org.mobilecnn.compose.LoadedModel;
import org.mobilecnn.compose.PicturesKt;
import org.mobilecnn.compose.Session;
import org.mobilecnn.core.ModelRuntime;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.ScreenState;
import org.robolectric.RuntimeEnvironment;

/** Whose answer the skin in Kotlin shows, with the app's interpreter in the place of its runtime. */
public final class OtherSessionTest extends AppTestCase {
    private static final Uri FIRST = Uri.parse("content://test/first");
    private static final Uri SECOND = Uri.parse("content://test/second");

    private final List<ScreenState> states = Collections.synchronizedList(new ArrayList<>());
    private final List<CountDownLatch> gates = new ArrayList<>();
    private final CountDownLatch gate = gate();
    private Session session;

    /** Whether the runtime whose closing fails cannot run, either. */
    private volatile boolean broken;

    /** A session whose model tells colours, once it is loaded. */
    @Before
    public void load() throws Exception {
        String model = staged("colour");
        Context context = RuntimeEnvironment.getApplication();
        session = new Session(context, choice -> open(context, choice), shown -> {
            states.add(shown.getState());
            return Unit.INSTANCE;
        });
        session.choose(new Choice(model, false));
        waitFor("model", () -> last().trust == ScreenState.Trust.VERIFIED);
    }

    @After
    public void close() {
        for (CountDownLatch each : gates) {
            each.countDown();
        }
        if (session != null) {
            session.close();
        }
    }

    private CountDownLatch gate() {
        gates.add(new CountDownLatch(1));
        return gates.get(gates.size() - 1);
    }

    private LoadedModel open(Context context, Choice choice) {
        try {
            Passport passport = Models.passport(context, choice.getModel());
            ModelRuntime runtime = new InterpreterRuntime(
                    Models.open(context, choice.getModel()), passport, 1, Classifier.Kernels.BUILTIN);
            return new LoadedModel(passport, choice.getOnGpu() ? unclosable(runtime) : runtime);
        } catch (Problem problem) {
            throw new AssertionError(problem);
        }
    }

    /** A runtime whose closing fails, as a driver's may. */
    private ModelRuntime unclosable(ModelRuntime whole) {
        return new ModelRuntime() {
            @Override
            public void run(ByteBuffer input, ByteBuffer output) throws Problem {
                if (broken) {
                    throw new Problem(Problem.MODEL_FILE, "of a broken driver");
                }
                whole.run(input, output);
            }

            @Override
            public Long nativeNanos() {
                return whole.nativeNanos();
            }

            @Override
            public void close() {
                whole.close();
                throw new IllegalStateException("of a driver");
            }
        };
    }

    /** Nor does the next model depend on it. */
    @Test
    public void aModelThatCannotBeClosedIsLeftOpen() {
        String model = staged("colour");
        session.choose(new Choice(model, true));
        waitFor("model", () -> last().trust == ScreenState.Trust.VERIFIED);
        session.choose(new Choice(model, false));
        waitFor("model", () -> last().trust != ScreenState.Trust.LOADING);
        assertEquals(last().reason, ScreenState.Trust.VERIFIED, last().trust);
        session.live();
        session.frame(() -> picture(Color.GREEN));
        assertEquals("green", headline());
        session.choose(new Choice(model, true));
        waitFor("model", () -> last().trust == ScreenState.Trust.VERIFIED);
    }

    /** It is refused for what failed first, and the app goes on. */
    @Test
    public void aModelThatCannotRunAndCannotBeClosedIsRefused() {
        String model = staged("colour");
        broken = true;
        session.choose(new Choice(model, true));
        waitFor("refusal", () -> last().trust == ScreenState.Trust.REFUSED);
        assertEquals("of a broken driver", last().reason);
        session.choose(new Choice(model, false));
        waitFor("model", () -> last().trust == ScreenState.Trust.VERIFIED);
    }

    @Test
    public void aPhotosAnswerIsNotTheCameras() throws Exception {
        CountDownLatch asked = offer(FIRST, square(9, Color.RED), gate);
        session.photo(FIRST);
        asked.await();
        session.live();
        gate.countDown();
        // Its turn comes after the photo's.
        session.frame(() -> {
            assertNull("the photo's answer", last().outcome);
            return picture(Color.GREEN);
        });
        assertEquals("green", headline());
    }

    @Test
    public void aFramesAnswerIsNotThePhotos() throws Exception {
        session.live();
        CountDownLatch making = new CountDownLatch(1);
        Thread camera = new Thread(() -> session.frame(() -> {
            making.countDown();
            await(gate);
            return picture(Color.RED);
        }));
        camera.start();
        making.await();
        CountDownLatch reading = gate();
        CountDownLatch asked = offer(SECOND, square(9, Color.BLUE), reading);
        session.photo(SECOND);
        gate.countDown();
        asked.await();
        assertNull("the frame's answer", last().outcome);
        assertTrue(last().busy);
        reading.countDown();
        waitFor("answer", () -> last().outcome != null);
        assertEquals("blue", headline());
        camera.join();
    }

    @Test
    public void theAnswerIsThatOfTheLatestPhoto() throws Exception {
        CountDownLatch reading = gate();
        for (byte[] content : new byte[][] {square(9, Color.RED), "no picture".getBytes("US-ASCII")}) {
            CountDownLatch begin = gate();
            CountDownLatch first = offer(FIRST, content, begin);
            CountDownLatch second = offer(SECOND, square(9, Color.BLUE), reading);
            session.photo(FIRST);
            first.await();
            session.photo(SECOND);
            begin.countDown();
            second.await();
            if (reading.getCount() > 0) {
                assertNull("the first photo's answer", last().outcome);
                assertTrue(last().busy);
                reading.countDown();
            }
            waitFor("answer", () -> last().outcome != null);
            assertEquals("blue", headline());
            assertEquals("", last().message);
        }
    }

    @Test
    public void fourQuickChoicesAreOneReadingOfThePhoto() throws Exception {
        AtomicInteger readings = new AtomicInteger();
        byte[] content = square(9, Color.BLUE);
        shadowOf(RuntimeEnvironment.getApplication().getContentResolver()).registerInputStreamSupplier(FIRST, () -> {
            readings.incrementAndGet();
            return new ByteArrayInputStream(content);
        });
        session.photo(FIRST);
        waitFor("answer", () -> last().outcome != null);
        int once = readings.getAndSet(0);
        CountDownLatch slow = offer(SECOND, content, gate);
        session.photo(SECOND);
        slow.await();
        session.photo(FIRST);
        for (int i = 0; i < 4; i++) {
            session.choose(new Choice(staged("colour"), i % 2 == 0));
        }
        gate.countDown();
        waitFor("answer", () -> last().outcome != null && last().trust == ScreenState.Trust.VERIFIED);
        assertEquals(once, readings.get());
    }

    /** Offers a photo whose reader waits for {@code until}; what is returned tells that somebody reads it. */
    private static CountDownLatch offer(Uri uri, byte[] content, CountDownLatch until) {
        CountDownLatch asked = new CountDownLatch(1);
        shadowOf(RuntimeEnvironment.getApplication().getContentResolver()).registerInputStreamSupplier(uri, () -> {
            asked.countDown();
            await(until);
            return new ByteArrayInputStream(content);
        });
        return asked;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupt) {
            throw new IllegalStateException(interrupt);
        }
    }

    private static Picture picture(int color) {
        byte[] png = square(9, color);
        Bitmap bitmap = BitmapFactory.decodeByteArray(png, 0, png.length);
        return PicturesKt.pictureOf(bitmap);
    }

    private ScreenState last() {
        return states.get(states.size() - 1);
    }

    private String headline() {
        ScreenState state = last();
        return state.outcome.passport.label(state.outcome.headline.get(0).index);
    }
}
