package org.mobilecnn.demo;

import android.app.ActivityManager;
import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.BatteryManager;
import android.os.Build;
import android.os.PowerManager;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.mobilecnn.core.Benchmark;

/** What this phone tells an app about itself. */
class Device implements Benchmark.Machine {
    /** Names of Android's thermal statuses, in the order of their numbers. */
    private static final String[] STATUS = {
        "none", "light", "moderate", "severe", "critical", "emergency", "shutdown"
    };

    private final Context context;

    Device(Context context) {
        this.context = context;
    }

    @Override
    public long nanos() {
        return System.nanoTime();
    }

    /** The members of {@code Facts} in {@code bench/records/measurement.py}, as far as an app is told them. */
    JsonObject facts() {
        String abi = Build.SUPPORTED_ABIS[0];
        String machine = abi.equals("arm64-v8a") ? "aarch64" : abi.equals("armeabi-v7a") ? "armv7l" : abi;
        ActivityManager.MemoryInfo memory = new ActivityManager.MemoryInfo();
        context.getSystemService(ActivityManager.class).getMemoryInfo(memory);
        JsonObject clocks = new JsonObject();
        for (Map.Entry<String, Integer> clock : clocks("cpuinfo_max_freq").entrySet()) {
            clocks.add(clock.getKey(), clock.getValue());
        }
        return new JsonObject().add("kind", "adb").add("machine", machine)
                .add("board", (Build.MANUFACTURER + " " + Build.MODEL).trim()).add("cpu", Json.NULL)
                .add("cpu_features", new JsonArray()).add("cores", Runtime.getRuntime().availableProcessors())
                .add("memory_bytes", memory.totalMem > 0 ? Json.value(memory.totalMem) : Json.NULL)
                .add("os", "Android " + Build.VERSION.RELEASE)
                .add("kernel", "Linux " + System.getProperty("os.version")).add("python", Json.NULL)
                .add("numpy", Json.NULL).add("governors", new JsonArray()).add("max_frequencies_khz", clocks)
                .add("virtualised", Json.NULL).add("android", Json.NULL);
    }

    @Override
    public Map<String, Integer> frequenciesKhz() {
        return clocks("scaling_cur_freq");
    }

    private static Map<String, Integer> clocks(String file) {
        Map<String, Integer> clocks = new TreeMap<>();
        for (int core = 0; core < Runtime.getRuntime().availableProcessors(); core++) {
            String path = "/sys/devices/system/cpu/cpu" + core + "/cpufreq/" + file;
            Long clock = number(firstLine(new File(path), ""));
            if (clock != null) {
                clocks.put("cpu" + core, clock.intValue());
            }
        }
        return clocks;
    }

    @Override
    public Map<String, Double> temperaturesC() {
        // The battery's is the only sensor that an app may read.
        Intent battery = context.registerReceiver(null, new IntentFilter(Intent.ACTION_BATTERY_CHANGED));
        int tenths = battery == null
                ? Integer.MIN_VALUE
                : battery.getIntExtra(BatteryManager.EXTRA_TEMPERATURE, Integer.MIN_VALUE);
        return tenths == Integer.MIN_VALUE
                ? Collections.<String, Double>emptyMap()
                : Collections.singletonMap("battery", tenths / 10.0);
    }

    @Override
    public String thermalStatus() {
        PowerManager power = context.getSystemService(PowerManager.class);
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q || power == null) {
            return null;
        }
        int status = power.getCurrentThermalStatus();
        return status >= 0 && status < STATUS.length ? STATUS[status] : String.valueOf(status);
    }

    @Override
    public boolean leftFront() {
        return false;
    }

    @Override
    public Long peakRssBytes() {
        return memory("VmHWM:");
    }

    @Override
    public Long rssBytes() {
        return memory("VmRSS:");
    }

    private static Long memory(String name) {
        Long kilobytes = number(firstLine(new File("/proc/self/status"), name));
        return kilobytes == null ? null : 1024 * kilobytes;
    }

    /** The rest of the first line that begins with {@code start}; null where there is none. */
    private static String firstLine(File file, String start) {
        try (BufferedReader reader = new BufferedReader(
                new InputStreamReader(new FileInputStream(file), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (line.startsWith(start)) {
                    return line.substring(start.length());
                }
            }
            return null;
        } catch (IOException unreadable) {
            return null;
        }
    }

    private static Long number(String text) {
        String digits = text == null ? "" : text.replaceAll("[^0-9]", "");
        return digits.isEmpty() || digits.length() > 18 ? null : Long.valueOf(digits);
    }
}
