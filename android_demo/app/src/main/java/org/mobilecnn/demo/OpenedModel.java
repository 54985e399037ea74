package org.mobilecnn.demo;

import android.content.Context;
import android.database.Cursor;
import android.net.Uri;
import android.provider.OpenableColumns;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.mobilecnn.core.AssumedPassport;
import org.mobilecnn.core.Digest;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.TensorSpec;

/**
 * A model that the user opens from the phone: a .tflite file and, best, its passport.
 *
 * <p>The files are copied into a waiting place, looked into, and moved among the models of the app only
 * when they fit each other. The files are told apart by their content, because phones rename them. A model never
 * replaces another of the same name: digits of its SHA-256 are added to its own.
 */
final class OpenedModel {
    /** Largest size of a model, in bytes: more than phones load. */
    private static final long MOST_MODEL = 512L << 20;

    /** Largest size of a passport, in bytes; those of many golden pictures have some hundred kilobytes. */
    private static final long MOST_PASSPORT = 16L << 20;

    private static final int NAME_LENGTH = 80;

    /** Numbers of digits of the SHA-256 to add to a name, tried in turn until no other model has it. */
    private static final int[] DIGITS = {0, 8, 64};

    private final Context context;
    private String name;

    OpenedModel(Context context) {
        this.context = context;
    }

    /**
     * Copies what the user chose: a model, a passport or both. What an earlier call copied stays, except for a passport
     * of another model.
     *
     * @return whether the passport is missing.
     * @throws Problem if a file is neither, too large, or of another export than the other.
     */
    boolean take(List<Uri> files) throws Problem {
        boolean card = false;
        for (Uri file : files) {
            card |= takeOne(file).equals(".json");
        }
        if (!waiting(".tflite").exists()) {
            throw new Problem(Problem.USAGE, context.getString(R.string.open_no_model));
        }
        if (!card && !fits()) {
            waiting(".json").delete();
        }
        return !waiting(".json").exists();
    }

    /**
     * Takes up the model that waits since before the app's process ended.
     *
     * @param called its name then.
     * @return whether it is there still, without a passport.
     */
    boolean resume(String called) {
        name = called;
        return waiting(".tflite").exists() && !waiting(".json").exists();
    }

    /** Forgets the passport that is waiting; returns whether there is a model that is. */
    boolean waitsWithoutPassport() {
        waiting(".json").delete();
        return waiting(".tflite").exists();
    }

    /** Whether the passport that waits is the model's. */
    private boolean fits() {
        File model = waiting(".tflite");
        if (!waiting(".json").exists()) {
            return false;
        }
        try {
            return Models.passport(model).sha256.equals(Digest.sha256(Models.open(model)));
        } catch (Problem damaged) {
            return false;
        }
    }

    /**
     * Moves the model and its passport among the models of the app, if the runtime takes the model.
     *
     * <p>The passport is moved first. If the process ends before the model follows, the passport lies beside no model,
     * and nobody looks for it, or beside the same model, which it describes as well.
     *
     * @return the path of the model there.
     */
    String keep() throws Problem {
        File model = waiting(".tflite");
        Passport passport = Models.passport(model);
        ByteBuffer content = Models.open(model);
        Digest.expect(title(), content, passport.sha256, "its passport describes");
        // Of several inputs or outputs, for example, the passport does not tell.
        Classifier.tensors(title(), content);
        File folder = Models.opened(context);
        File kept = free(folder, passport);
        try {
            if (!folder.isDirectory() && !folder.mkdirs()) {
                throw new IOException("cannot make " + folder);
            }
            move(waiting(".json"), new File(folder, kept.getName().replaceAll("[.]tflite$", ".json")));
            move(model, kept);
        } catch (IOException unwritable) {
            throw failed(title(), unwritable);
        }
        return kept.getPath();
    }

    /** The file to keep a model in: its name, with digits of its SHA-256 where another model has that name. */
    private File free(File folder, Passport passport) throws Problem {
        String name = safe(passport.file).replaceAll("[.]tflite$", "");
        File kept = null;
        for (int digits : DIGITS) {
            String end = digits == 0 ? "" : "-" + passport.sha256.substring(0, digits);
            kept = new File(folder, name + end + ".tflite");
            boolean own = !kept.exists() || Digest.sha256(Models.open(kept)).equals(passport.sha256);
            if (own && !bundled(kept.getName(), passport)) {
                break;
            }
        }
        return kept;
    }

    /** Whether the app carries another model of this name. */
    private boolean bundled(String called, Passport passport) {
        try {
            return Models.bundled(context).contains(called)
                    && !Models.passport(context, called).sha256.equals(passport.sha256);
        } catch (Problem damaged) {
            // Nobody knows which one it carries.
            return true;
        }
    }

    /** Writes a passport of what the file says by itself, and of this range, which the user chose. */
    void assume(AssumedPassport.Range range) throws Problem {
        File model = waiting(".tflite");
        ByteBuffer content = Models.open(model);
        TensorSpec[] tensors = Classifier.tensors(title(), content);
        String document = AssumedPassport.of(title(), model.length(), Digest.sha256(content), tensors[0], tensors[1],
                range, context.getString(R.string.open_assumed)).toString();
        try {
            Files.write(waiting(".json").toPath(), document.getBytes(StandardCharsets.UTF_8));
        } catch (IOException unwritable) {
            throw failed(title(), unwritable);
        }
    }

    /** Forgets what is waiting. */
    void drop() {
        // Nothing depends on their being gone: the next ones are written over them.
        waiting(".tflite").delete();
        waiting(".json").delete();
    }

    /**
     * Removes a model that was opened, and its passport.
     *
     * @param model the path of it.
     */
    void remove(String model) throws Problem {
        File file = new File(model);
        try {
            // What lies beside no model nobody looks for.
            Files.deleteIfExists(file.toPath());
            Files.deleteIfExists(new File(file.getParentFile(), file.getName().replaceAll("[.]tflite$", ".json")).toPath());
        } catch (IOException refused) {
            throw new Problem(Problem.ENVIRONMENT,
                    context.getString(R.string.remove_failed, file.getName(), Words.reason(context, refused)), refused);
        }
    }

    /** What the model that is being opened is called. */
    String title() {
        return name == null ? "model.tflite" : name;
    }

    private File waiting(String suffix) {
        return new File(context.getCacheDir(), "opening" + suffix);
    }

    /** Copies a file, and says what it is: {@code .tflite} or {@code .json}. */
    private String takeOne(Uri file) throws Problem {
        String called = called(file);
        try (InputStream stream = context.getContentResolver().openInputStream(file)) {
            if (stream == null) {
                throw new IOException("nothing there");
            }
            byte[] head = new byte[8];
            int count = 0;
            for (int read = stream.read(head); read > 0 && count + read < 8; read = stream.read(head, count, 8 - count)) {
                count += read;
            }
            boolean model = new String(head, 4, 4, StandardCharsets.US_ASCII).equals("TFL3");
            if (!model && head[0] != '{') {
                throw new Problem(Problem.MODEL_FILE, context.getString(R.string.open_neither, called));
            }
            if (model) {
                name = safe(called);
            }
            String suffix = model ? ".tflite" : ".json";
            copy(head, stream, waiting(suffix), model ? MOST_MODEL : MOST_PASSPORT, called);
            return suffix;
        } catch (IOException | RuntimeException unreadable) {
            throw failed(called, unreadable);
        }
    }

    private void copy(byte[] head, InputStream rest, File to, long most, String called) throws IOException, Problem {
        boolean done = false;
        try (OutputStream out = new FileOutputStream(to)) {
            out.write(head);
            byte[] part = new byte[1 << 16];
            long size = head.length;
            for (int count = rest.read(part); count >= 0; count = rest.read(part)) {
                size += count;
                if (size > most) {
                    throw new Problem(Problem.MODEL_FILE, context.getString(R.string.open_large, called, most >> 20));
                }
                out.write(part, 0, count);
            }
            done = true;
        } finally {
            if (!done) {
                // Otherwise half a file would be taken for a whole one later.
                to.delete();
            }
        }
    }

    private String called(Uri file) {
        try (Cursor cursor = context.getContentResolver().query(
                file, new String[] {OpenableColumns.DISPLAY_NAME}, null, null, null)) {
            if (cursor != null && cursor.moveToFirst() && !cursor.isNull(0)) {
                return cursor.getString(0);
            }
        } catch (RuntimeException broken) {
            // Another app's failure; the address has a name, too.
            return String.valueOf(file.getLastPathSegment());
        }
        return String.valueOf(file.getLastPathSegment());
    }

    /** A file name of letters, digits and a few signs that ends with .tflite. */
    private static String safe(String called) {
        String plain = called.replaceAll("[.]tflite$", "").replaceAll("[^A-Za-z0-9._-]", "_").replaceAll("^[.]+", "");
        return (plain.isEmpty() ? "model" : plain.substring(0, Math.min(NAME_LENGTH, plain.length()))) + ".tflite";
    }

    private static void move(File from, File to) throws IOException {
        Files.move(from.toPath(), to.toPath(), StandardCopyOption.ATOMIC_MOVE);
    }

    private Problem failed(String called, Exception cause) {
        return new Problem(Problem.MODEL_FILE,
                context.getString(R.string.open_failed, called, Words.reason(context, cause)), cause);
    }
}
