package org.mobilecnn.demo;

import android.content.Context;
import android.content.res.AssetFileDescriptor;
import android.content.res.AssetManager;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.util.Base64;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.Refusal;

/** The model files: in the app's assets, opened from the phone and, for the benchmark, pushed to it. */
final class Models {
    private static final String FOLDER = "models";
    private static final String SUFFIX = ".tflite";

    private Models() {}

    /** Names of the bundled models, sorted; empty where there is none. */
    static List<String> bundled(Context context) {
        List<String> names = new ArrayList<>();
        try {
            String[] all = context.getAssets().list(FOLDER);
            for (String name : all == null ? new String[0] : all) {
                if (name.endsWith(SUFFIX)) {
                    names.add(name);
                }
            }
        } catch (IOException unreadable) {
            // The same as no models, where the screen says how to stage some.
            names.clear();
        }
        String[] sorted = names.toArray(new String[0]);
        Arrays.sort(sorted);
        return Arrays.asList(sorted);
    }

    /** The models to choose from: names of bundled ones, then paths of those that were opened from the phone. */
    static List<String> all(Context context) {
        List<String> names = new ArrayList<>(bundled(context));
        String[] files = opened(context).list();
        String[] sorted = files == null ? new String[0] : files;
        Arrays.sort(sorted);
        for (String name : sorted) {
            if (name.endsWith(SUFFIX)) {
                names.add(new File(opened(context), name).getPath());
            }
        }
        return names;
    }

    /** The folder of the models that were opened from the phone. */
    static File opened(Context context) {
        return new File(context.getFilesDir(), "opened");
    }

    /** Whether a model was opened from the phone, and is not one that the app carries. */
    static boolean isOpened(String model) {
        return model.startsWith("/");
    }

    /** What a model is called on the screen. */
    static String title(String model) {
        return new File(model).getName();
    }

    /** The passport of one of {@link #all}. */
    static Passport passport(Context context, String model) throws Problem {
        if (isOpened(model)) {
            return passport(new File(model));
        }
        String name = passportName(model);
        try (InputStream stream = context.getAssets().open(FOLDER + "/" + name)) {
            return Passport.parse(name, text(stream));
        } catch (FileNotFoundException missing) {
            throw new Problem(Problem.MODEL_FILE,
                    context.getString(R.string.no_passport, model, name), missing);
        } catch (IOException unreadable) {
            throw unreadable(name, unreadable);
        }
    }

    /** The passport beside a pushed model. */
    static Passport passport(File model) throws Problem {
        File file = new File(model.getParentFile(), passportName(model.getName()));
        try (InputStream stream = new FileInputStream(file)) {
            return Passport.parse(file.getPath(), text(stream));
        } catch (IOException unreadable) {
            throw unreadable(file.getPath(), unreadable);
        }
    }

    /** One of {@link #all}, mapped into memory. */
    static ByteBuffer open(Context context, String model) throws Problem {
        if (isOpened(model)) {
            return open(new File(model));
        }
        AssetManager assets = context.getAssets();
        try (AssetFileDescriptor asset = assets.openFd(FOLDER + "/" + model);
                FileInputStream stream = new FileInputStream(asset.getFileDescriptor())) {
            return stream.getChannel().map(
                    FileChannel.MapMode.READ_ONLY, asset.getStartOffset(), asset.getDeclaredLength());
        } catch (IOException refusal) {
            String words = Refusal.explain(model, null, Classifier.runtime(), refusal.getMessage());
            throw new Problem(Problem.MODEL_FILE, words, refusal);
        }
    }

    /** A pushed model, mapped into memory. */
    static ByteBuffer open(File model) throws Problem {
        try (FileInputStream stream = new FileInputStream(model)) {
            FileChannel channel = stream.getChannel();
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
        } catch (IOException unreadable) {
            throw unreadable(model.getPath(), unreadable);
        }
    }

    /** The passport's golden pictures, decoded. */
    static List<Picture> golden(Passport passport) throws Problem {
        List<Picture> pictures = new ArrayList<>();
        for (Passport.Golden golden : passport.golden) {
            try {
                byte[] png = Base64.decode(golden.png, Base64.DEFAULT);
                Bitmap bitmap = BitmapFactory.decodeByteArray(png, 0, png.length, Photo.exact());
                if (bitmap == null || bitmap.getWidth() != passport.contract.width
                        || bitmap.getHeight() != passport.contract.height) {
                    throw new IOException("not a picture of the model's size");
                }
                pictures.add(Photo.picture(bitmap, 1));
            } catch (IllegalArgumentException | IOException damaged) {
                throw new Problem(Problem.MODEL_FILE, "a golden picture in the passport of " + passport.file
                        + " is damaged; export the model again", damaged);
            }
        }
        return pictures;
    }

    private static String passportName(String model) {
        return model.substring(0, model.length() - SUFFIX.length()) + ".json";
    }

    private static Problem unreadable(String name, IOException cause) {
        return new Problem(Problem.MODEL_FILE, "cannot read " + name + ": " + cause.getMessage(), cause);
    }

    private static String text(InputStream stream) throws IOException {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        byte[] part = new byte[1 << 16];
        for (int count = stream.read(part); count >= 0; count = stream.read(part)) {
            content.write(part, 0, count);
        }
        return new String(content.toByteArray(), StandardCharsets.UTF_8);
    }
}
