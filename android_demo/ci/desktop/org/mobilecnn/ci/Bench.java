package org.mobilecnn.ci;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mobilecnn.core.BenchmarkRequest;
import org.mobilecnn.core.BlindMachine;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.demo.BenchmarkRun;

/**
 * Times a model as the app's benchmark does, on this computer: {@code Bench LIBRARY ROOT EXTRA...}.
 *
 * <p>The extras are those of {@code am start}: {@code --es name text}, {@code --ei name number} and
 * {@code --ez name true}. ROOT takes the place of the root of a phone's file system. Prints the
 * lines of the log.
 */
public final class Bench extends BlindMachine implements BenchmarkRequest.Extras, BenchmarkRun.Files {
    private final String root;
    private final Map<String, Object> extras = new HashMap<>();

    private Bench(String[] arguments) {
        root = arguments[1];
        for (int i = 2; i < arguments.length; i += 3) {
            String name = arguments[i + 1];
            String value = arguments[i + 2];
            switch (arguments[i]) {
                case "--es":
                    extras.put(name, value.startsWith(root) ? value.substring(root.length()) : value);
                    break;
                case "--ei":
                    extras.put(name, Integer.valueOf(value));
                    break;
                case "--ez":
                    extras.put(name, Boolean.valueOf(value));
                    break;
                default:
                    throw new IllegalArgumentException("am start does not know " + arguments[i]);
            }
        }
    }

    /** The command line. */
    public static void main(String[] arguments) {
        System.load(new File(arguments[0]).getAbsolutePath());
        Bench bench = new Bench(arguments);
        for (String line : BenchmarkRun.of(bench, bench, bench).lines()) {
            System.out.println(line);
        }
    }

    @Override
    public String text(String name) {
        Object value = extras.get(name);
        return value instanceof String ? (String) value : null;
    }

    @Override
    public int number(String name, int fallback) {
        Object value = extras.get(name);
        return value instanceof Integer ? (Integer) value : fallback;
    }

    @Override
    public boolean flag(String name, boolean fallback) {
        Object value = extras.get(name);
        return value instanceof Boolean ? (Boolean) value : fallback;
    }

    private Path file(BenchmarkRequest request) {
        return Paths.get(root + request.model);
    }

    private Problem unreadable(IOException cause) {
        return new Problem(Problem.MODEL_FILE, "cannot read " + cause.getMessage(), cause);
    }

    @Override
    public Passport passport(BenchmarkRequest request) throws Problem {
        try {
            return DesktopFiles.passport(file(request));
        } catch (IOException unreadable) {
            throw unreadable(unreadable);
        }
    }

    @Override
    public ByteBuffer model(BenchmarkRequest request) throws Problem {
        try {
            return DesktopFiles.model(file(request));
        } catch (IOException unreadable) {
            throw unreadable(unreadable);
        }
    }

    @Override
    public List<Picture> golden(Passport passport) throws Problem {
        try {
            return DesktopFiles.golden(passport);
        } catch (IOException unreadable) {
            throw unreadable(unreadable);
        }
    }

    @Override
    public long nanos() {
        return System.nanoTime();
    }
}
