package org.mobilecnn.demo;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import org.mobilecnn.core.ModelRuntime;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.Refusal;
import org.mobilecnn.core.TensorSpec;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Delegate;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.tensorflow.lite.TensorFlowLite;

/**
 * The interpreter of TensorFlow Lite, or of LiteRT, which has it in the same package.
 *
 * <p>This class uses nothing of Android, so the same code runs, and is tested, on a computer.
 */
final class InterpreterRuntime implements ModelRuntime {
    private static final String GPU_DELEGATE = "org.tensorflow.lite.gpu.GpuDelegate";

    private final Passport passport;
    private final Delegate delegate;
    private final Interpreter interpreter;

    /**
     * Loads a model.
     *
     * @param model the file, in a direct buffer that must not change until {@link #close}.
     * @param threads the number of threads of the interpreter, at least 1.
     * @throws Problem if the runtime refuses it, or it is not what the passport describes.
     */
    InterpreterRuntime(ByteBuffer model, Passport passport, int threads, Classifier.Kernels kernels) throws Problem {
        this.passport = passport;
        this.delegate = kernels == Classifier.Kernels.GPU ? gpuDelegate() : null;
        Interpreter made = null;
        boolean done = false;
        try {
            Interpreter.Options options = new Interpreter.Options();
            options.setNumThreads(threads);
            options.setUseXNNPACK(kernels == Classifier.Kernels.XNNPACK);
            if (delegate != null) {
                options.addDelegate(delegate);
            }
            made = new Interpreter(model, options);
            expectOneEach(passport.file, made);
            check("input", made.getInputTensor(0), passport.input);
            check("output", made.getOutputTensor(0), passport.output);
            done = true;
        } catch (IllegalArgumentException | IllegalStateException refusal) {
            throw refused(refusal);
        } catch (LinkageError missing) {
            throw noLibrary(missing);
        } finally {
            if (!done) {
                closeBoth(made);
            }
        }
        this.interpreter = made;
    }

    /** The version of TensorFlow Lite; {@code unknown} where its library cannot be loaded. */
    static String version() {
        try {
            return TensorFlowLite.runtimeVersion();
        } catch (LinkageError missing) {
            return "unknown";
        }
    }

    /**
     * The input and the output of a file of which nothing else is known.
     *
     * @throws Problem if the runtime refuses it, or this app cannot feed or read such tensors.
     */
    static TensorSpec[] tensors(String name, ByteBuffer model) throws Problem {
        try (Interpreter interpreter = new Interpreter(model, new Interpreter.Options())) {
            expectOneEach(name, interpreter);
            return new TensorSpec[] {spec(interpreter.getInputTensor(0)), spec(interpreter.getOutputTensor(0))};
        } catch (IllegalArgumentException | IllegalStateException refusal) {
            String words = Refusal.explain(name, null, version(), refusal.getMessage());
            throw new Problem(Problem.MODEL_FILE, words, refusal);
        } catch (LinkageError missing) {
            throw noLibrary(missing);
        }
    }

    /** Of further outputs nothing would be shown, and further inputs would hold whatever was in memory. */
    private static void expectOneEach(String name, Interpreter interpreter) throws Problem {
        int inputs = interpreter.getInputTensorCount();
        int outputs = interpreter.getOutputTensorCount();
        if (inputs != 1 || outputs != 1) {
            throw new Problem(Problem.MODEL_FILE, name + " has " + inputs + " inputs and " + outputs
                    + " outputs, and this app feeds one and reads one: export a model of one input and one output");
        }
    }

    private static Problem noLibrary(LinkageError missing) {
        return new Problem(Problem.ENVIRONMENT,
                "this build has no TensorFlow Lite library for this device's processor ("
                        + missing.getMessage() + "): add the processor to abiFilters in app/build.gradle.kts",
                missing);
    }

    private static TensorSpec spec(Tensor tensor) throws Problem {
        Tensor.QuantizationParams codes = tensor.quantizationParams();
        String type = tensor.dataType().name().toLowerCase(Locale.ROOT);
        return new TensorSpec(type, tensor.shape(), codes.getScale(), codes.getZeroPoint());
    }

    /** Whether the GPU delegate is part of this build. */
    static boolean hasGpu() {
        try {
            Class.forName(GPU_DELEGATE);
            return true;
        } catch (ClassNotFoundException | LinkageError absent) {
            return false;
        }
    }

    @Override
    public void run(ByteBuffer input, ByteBuffer output) throws Problem {
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

    @Override
    public void close() {
        closeBoth(interpreter);
    }

    private void closeBoth(Interpreter opened) {
        // In this order: the interpreter uses the delegate to its end.
        try {
            if (opened != null) {
                opened.close();
            }
        } finally {
            closeDelegate();
        }
    }

    private void closeDelegate() {
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
                passport.file, passport.minimumRuntime, version(), refusal.getMessage());
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
