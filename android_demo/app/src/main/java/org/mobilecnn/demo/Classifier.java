package org.mobilecnn.demo;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.mobilecnn.core.AnswerCheck;
import org.mobilecnn.core.Benchmark;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.Refusal;
import org.mobilecnn.core.Resize;
import org.mobilecnn.core.TensorSpec;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Delegate;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.tensorflow.lite.TensorFlowLite;

/**
 * A loaded model: pictures in, scores out, as its passport says.
 *
 * <p>This class uses nothing of Android, so the same code runs, and is tested, on a computer. Only one
 * thread may use it at a time.
 */
public final class Classifier implements Benchmark.Inference, AutoCloseable {
    /** Where a model runs. */
    public enum Kernels { XNNPACK, BUILTIN, GPU }

    /** The scores of one picture, and the time that they took. */
    public static final class Result {
        /** One score per class, in output order. */
        public final float[] scores;

        /** Nanoseconds from the picture to the tensor. */
        public final long preprocessNanos;

        /** Nanoseconds of the inference, Java included. */
        public final long inferenceNanos;

        Result(float[] scores, long preprocessNanos, long inferenceNanos) {
            this.scores = scores;
            this.preprocessNanos = preprocessNanos;
            this.inferenceNanos = inferenceNanos;
        }
    }

    private static final String GPU_DELEGATE = "org.tensorflow.lite.gpu.GpuDelegate";

    private final Passport passport;
    private final ByteBuffer input;
    private final ByteBuffer output;
    private final Delegate delegate;
    private final Interpreter interpreter;

    /**
     * Loads a model.
     *
     * @param model the file, in a direct buffer that must not change until {@link #close}.
     * @param threads the number of threads of the interpreter, at least 1.
     * @throws Problem if the runtime refuses it, or it is not what the passport describes.
     */
    public Classifier(ByteBuffer model, Passport passport, int threads, Kernels kernels) throws Problem {
        this.passport = passport;
        this.delegate = kernels == Kernels.GPU ? gpuDelegate() : null;
        Interpreter made = null;
        boolean done = false;
        try {
            Interpreter.Options options = new Interpreter.Options();
            options.setNumThreads(threads);
            options.setUseXNNPACK(kernels == Kernels.XNNPACK);
            if (delegate != null) {
                options.addDelegate(delegate);
            }
            made = new Interpreter(model, options);
            check("input", made.getInputTensor(0), passport.input);
            check("output", made.getOutputTensor(0), passport.output);
            done = true;
        } catch (IllegalArgumentException | IllegalStateException refusal) {
            throw refused(refusal);
        } catch (LinkageError missing) {
            throw new Problem(Problem.ENVIRONMENT,
                    "this build has no TensorFlow Lite library for this device's processor ("
                            + missing.getMessage() + "): add the processor to abiFilters in app/build.gradle.kts",
                    missing);
        } finally {
            if (!done) {
                closeBoth(made);
            }
        }
        this.interpreter = made;
        this.input = passport.input.buffer();
        this.output = passport.output.buffer();
    }

    /** The version of TensorFlow Lite; {@code unknown} where its library cannot be loaded. */
    public static String runtime() {
        try {
            return TensorFlowLite.runtimeVersion();
        } catch (LinkageError missing) {
            return "unknown";
        }
    }

    /** Whether the GPU delegate is part of this build. */
    public static boolean hasGpu() {
        try {
            Class.forName(GPU_DELEGATE);
            return true;
        } catch (ClassNotFoundException | LinkageError absent) {
            return false;
        }
    }

    /** Classifies a picture of any size. */
    public Result classify(Picture picture) throws Problem {
        long start = System.nanoTime();
        set(picture);
        long ready = System.nanoTime();
        run();
        long done = System.nanoTime();
        return new Result(passport.output.decode(output), ready - start, done - ready);
    }

    /** Puts a picture into the input; {@link #run} then works on it. */
    public void set(Picture picture) {
        passport.input.encode(passport.contract.tensor(Resize.toPixels(picture, passport.contract)), input);
    }

    @Override
    public void run() throws Problem {
        input.rewind();
        output.rewind();
        try {
            interpreter.run(input, output);
        } catch (IllegalArgumentException | IllegalStateException refusal) {
            throw refused(refusal);
        }
    }

    @Override
    public Long nativeNanos() {
        return interpreter.getLastNativeInferenceDurationNanoseconds();
    }

    /**
     * Compares the answers for the passport's golden pictures with those at export.
     *
     * @param pictures the golden pictures, decoded, in the passport's order.
     */
    public AnswerCheck check(List<Picture> pictures) throws Problem {
        float[][] given = new float[pictures.size()][];
        for (int i = 0; i < given.length; i++) {
            given[i] = classify(pictures.get(i)).scores;
        }
        return AnswerCheck.judge(passport, given);
    }

    @Override
    public void close() {
        closeBoth(interpreter);
    }

    private void closeBoth(Interpreter opened) {
        // In this order: the interpreter uses the delegate to its end.
        if (opened != null) {
            opened.close();
        }
        if (delegate instanceof AutoCloseable) {
            try {
                ((AutoCloseable) delegate).close();
            } catch (Exception leftOpen) {
                // Nothing here can free a delegate that does not close.
                throw new IllegalStateException(leftOpen);
            }
        }
    }

    private Problem refused(RuntimeException refusal) {
        String words = Refusal.explain(
                passport.file, passport.minimumRuntime, runtime(), refusal.getMessage());
        return new Problem(Problem.MODEL_FILE, words, refusal);
    }

    private void check(String which, Tensor tensor, TensorSpec spec) throws Problem {
        DataType wanted = spec.quantized() ? DataType.INT8 : DataType.FLOAT32;
        Tensor.QuantizationParams codes = tensor.quantizationParams();
        boolean same = tensor.dataType() == wanted && Arrays.equals(tensor.shape(), spec.shape());
        if (spec.quantized()) {
            same &= codes.getScale() == spec.scale && codes.getZeroPoint() == spec.zeroPoint;
        }
        if (!same) {
            throw new Problem(Problem.MODEL_FILE, "the " + which + " of " + passport.file + " is "
                    + tensor.dataType() + " " + Arrays.toString(tensor.shape()) + ", scale " + codes.getScale()
                    + ", zero point " + codes.getZeroPoint() + ", and its passport says " + spec
                    + ": they are of different exports; stage both again with mobilecnn android");
        }
    }

    private static Delegate gpuDelegate() throws Problem {
        try {
            return (Delegate) Class.forName(GPU_DELEGATE).getConstructor().newInstance();
        } catch (ReflectiveOperationException | LinkageError absent) {
            throw new Problem(Problem.ENVIRONMENT,
                    "the GPU delegate cannot be used here (" + absent + "); choose a CPU", absent);
        }
    }
}
