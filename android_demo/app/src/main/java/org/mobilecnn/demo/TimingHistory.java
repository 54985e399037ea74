package org.mobilecnn.demo;

import android.content.Context;
import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.ParseException;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.mobilecnn.core.Benchmark;

/** The measurements that were made with this app, each a file; the oldest go when there are many. */
final class TimingHistory {
    private static final int MOST = 50;
    private static final String SUFFIX = ".json";

    private final File folder;

    TimingHistory(Context context) {
        folder = new File(context.getFilesDir(), "timings");
    }

    /** Their names, the latest first. */
    List<String> names() {
        List<String> names = new ArrayList<>();
        String[] files = folder.list();
        for (String file : files == null ? new String[0] : files) {
            if (file.endsWith(SUFFIX)) {
                names.add(file);
            }
        }
        Collections.sort(names, Collections.reverseOrder());
        return names;
    }

    /** Keeps a record under the time at which it was made. */
    void keep(JsonObject record) throws IOException {
        if (!folder.isDirectory() && !folder.mkdirs()) {
            throw new IOException("cannot make " + folder);
        }
        String name = record.get("created").asString().replaceAll("[^0-9T]", "-") + SUFFIX;
        File part = new File(folder, "part");
        Files.write(part.toPath(), text(record).getBytes(StandardCharsets.US_ASCII));
        Files.move(part.toPath(), new File(folder, name).toPath(), StandardCopyOption.REPLACE_EXISTING);
        List<String> names = names();
        for (String old : names.subList(Math.min(MOST, names.size()), names.size())) {
            Files.deleteIfExists(new File(folder, old).toPath());
        }
    }

    /**
     * The file of a record.
     *
     * @throws FileNotFoundException if it is none of {@link #names}.
     */
    File file(String name) throws FileNotFoundException {
        if (!names().contains(name)) {
            throw new FileNotFoundException("there is no measurement " + name);
        }
        return new File(folder, name);
    }

    /** A record of {@link #names}. */
    JsonObject read(String name) throws IOException {
        byte[] content = Files.readAllBytes(file(name).toPath());
        try {
            return Json.parse(new String(content, StandardCharsets.UTF_8)).asObject();
        } catch (ParseException | UnsupportedOperationException damage) {
            throw new IOException(name + " is damaged", damage);
        }
    }

    /** A record as it is shared. */
    static String text(JsonObject record) {
        return Benchmark.ascii(record.toString());
    }
}
