package org.mobilecnn.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.content.Intent;
import android.os.BatteryManager;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.Test;
import org.mobilecnn.core.BlindMachine;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.robolectric.RuntimeEnvironment;

/** The waits of the app's own benchmark: real models, and a phone whose temperature and clock are a script's. */
public final class CoolDownTest extends AppTestCase {
    /** The temperature at the beginning, in degrees Celsius; what is a degree above it at most is cool. */
    private static final double START = 30.0;

    private static final double HOT = 34.5;

    /** A phone that has {@link #START} degrees once, and is then hot for a number of seconds. */
    private class Phone extends BlindMachine implements TimingRun.Surroundings {
        private final int hotSeconds;
        private final double afterwards;
        private long now;
        private boolean asked;
        int waited;
        int steps;
        int cooling;
        int stopAfter = Integer.MAX_VALUE;

        /** @param afterwards the temperature once it has cooled down; NaN where the sensor is silent then. */
        Phone(int hotSeconds, double afterwards) {
            this.hotSeconds = hotSeconds;
            this.afterwards = afterwards;
        }

        @Override
        public Map<String, Double> temperaturesC() {
            double degrees = !asked ? START : waited < hotSeconds ? HOT : afterwards;
            asked = true;
            return Double.isNaN(degrees)
                    ? Collections.<String, Double>emptyMap() : Collections.singletonMap("battery", degrees);
        }

        @Override
        public boolean waitASecond() {
            waited++;
            now += 1_000_000_000L;
            return goOn();
        }

        @Override
        public boolean goOn() {
            return waited < stopAfter;
        }

        @Override
        public void onStep(int done, int total, String model, boolean waits) {
            assertEquals(TimingRun.ROUNDS * models.size(), total);
            steps += waits ? 0 : 1;
            cooling += waits ? 1 : 0;
        }

        @Override
        public long nanos() {
            now += 7;
            return now;
        }

        @Override
        public String thermalStatus() {
            return "none";
        }

        @Override
        public Passport passport(String model) throws Problem {
            return Models.passport(RuntimeEnvironment.getApplication(), model);
        }

        @Override
        public ByteBuffer open(String model) throws Problem {
            return Models.open(RuntimeEnvironment.getApplication(), model);
        }

        @Override
        public List<Picture> golden(Passport passport) throws Problem {
            return Models.golden(passport);
        }

        JsonObject measure(boolean cool) throws Problem {
            return new TimingRun(this, this, 1, cool)
                    .of(models, models, "2026-03-01T09:30:00+02:00", "mobilecnn app", new JsonObject());
        }
    }

    private static JsonValue cooled(JsonObject record, int run) {
        return record.get("runs").asArray().get(run).asObject().get("cooled");
    }

    private static void expect(JsonValue cooled, double seconds, double celsius) {
        JsonObject wait = cooled.asObject();
        assertEquals(seconds, wait.get("seconds").asDouble(), 1e-6);
        assertEquals(START + 1, wait.get("goal_c").asDouble(), 0);
        assertEquals(celsius, wait.get("celsius").asDouble(), 0);
    }

    @Test
    public void aPhoneThatStaysCoolIsNotWaitedFor() throws Exception {
        // A degree more than at the beginning is still cool.
        Phone phone = new Phone(0, START + 1);
        JsonObject record = phone.measure(true);
        assertEquals(0, phone.waited);
        assertEquals(0, phone.cooling);
        assertEquals(3 * models.size(), phone.steps);
        for (int run = 0; run < 3 * models.size(); run++) {
            expect(cooled(record, run), 0, START + 1);
        }
        assertEquals(TimingRun.COOL_DOWN, record.get("protocol").asObject().get("cool_down").asInt());
    }

    @Test
    public void aHotPhoneIsWaitedForUntilItIsCoolAgain() throws Exception {
        Phone phone = new Phone(7, START + 0.5);
        JsonObject record = phone.measure(true);
        assertEquals(7, phone.waited);
        assertEquals("each second of it is shown", 7, phone.cooling);
        expect(cooled(record, 0), 7, START + 0.5);
        expect(cooled(record, 1), 0, START + 0.5);
    }

    /** Before each run a minute at most, and the record says that it was still hot. */
    @Test
    public void aPhoneThatStaysHotIsTimedAfterAMinute() throws Exception {
        Phone phone = new Phone(Integer.MAX_VALUE, START);
        JsonObject record = phone.measure(true);
        assertEquals(TimingRun.COOL_DOWN * 3 * models.size(), phone.waited);
        for (int run = 0; run < 3 * models.size(); run++) {
            expect(cooled(record, run), TimingRun.COOL_DOWN, HOT);
        }
    }

    /** The record gives no temperature that nobody read. */
    @Test
    public void aSensorThatFallsSilentIsNotWaitedFor() throws Exception {
        Phone phone = new Phone(2, Double.NaN);
        JsonObject record = phone.measure(true);
        assertEquals(2, phone.waited);
        assertEquals(Json.NULL, cooled(record, 0));
    }

    @Test
    public void whatWasStoppedWhileItWaitedIsNoMeasurement() throws Exception {
        Phone phone = new Phone(Integer.MAX_VALUE, START);
        phone.stopAfter = 3;
        assertNull(phone.measure(true));
        assertEquals(3, phone.waited);
        assertEquals(1, phone.steps);
    }

    @Test
    public void withoutTheWishOrASensorNothingIsWaitedFor() throws Exception {
        Phone unasked = new Phone(Integer.MAX_VALUE, START);
        JsonObject record = unasked.measure(false);
        assertEquals(Json.NULL, cooled(record, 0));
        assertEquals(0, record.get("protocol").asObject().get("cool_down").asInt());
        Phone silent = new Phone(0, Double.NaN);
        silent.asked = true;
        assertEquals(Json.NULL, cooled(silent.measure(true), 0));
        assertEquals(0, unasked.waited + silent.waited);
    }

    /** Android gives tenths of a degree, and nothing before the battery has said anything. */
    @Test
    public void theTemperatureIsTheBatterys() {
        Device device = new Device(RuntimeEnvironment.getApplication());
        Intent battery = new Intent(Intent.ACTION_BATTERY_CHANGED);
        RuntimeEnvironment.getApplication().sendStickyBroadcast(battery);
        assertFalse(device.temperaturesC().containsKey("battery"));
        RuntimeEnvironment.getApplication()
                .sendStickyBroadcast(battery.putExtra(BatteryManager.EXTRA_TEMPERATURE, 315));
        assertTrue(device.temperaturesC().containsKey("battery"));
        assertEquals(31.5, device.temperaturesC().get("battery"), 0);
    }
}
