package org.mobilecnn.demo;

import java.nio.ByteBuffer;
import java.util.List;
import org.mobilecnn.core.AnswerCheck;
import org.mobilecnn.core.Benchmark;
import org.mobilecnn.core.InputTensor;
import org.mobilecnn.core.ModelRuntime;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.Problem;
import org.mobilecnn.core.TensorSpec;

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

    private final Passport passport;
    private final InputTensor prepared;
    private final ByteBuffer input;
    private final ByteBuffer output;
    private final ModelRuntime runtime;

    /**
     * Loads a model.
     *
     * @param model the file, in a direct buffer that must not change until {@link #close}.
     * @param threads the number of threads of the interpreter, at least 1.
     * @throws Problem if the runtime refuses it, or it is not what the passport describes.
     */
    public Classifier(ByteBuffer model, Passport passport, int threads, Kernels kernels) throws Problem {
        this.passport = passport;
        this.runtime = new InterpreterRuntime(model, passport, threads, kernels);
        boolean done = false;
        try {
            this.prepared = new InputTensor(passport.contract, passport.input);
            this.input = passport.input.buffer();
            this.output = passport.output.buffer();
            done = true;
        } finally {
            if (!done) {
                // Memory may not suffice for the buffers, and then nobody else can close the runtime.
                runtime.close();
            }
        }
    }

    /** The version of TensorFlow Lite; {@code unknown} where its library cannot be loaded. */
    public static String runtime() {
        return InterpreterRuntime.version();
    }

    /** Whether the GPU delegate is part of this build. */
    public static boolean hasGpu() {
        return InterpreterRuntime.hasGpu();
    }

    /**
     * The input and the output of a file of which nothing else is known.
     *
     * @param model the file, in a direct buffer.
     * @throws Problem if the runtime refuses it, or this app cannot feed or read such tensors.
     */
    public static TensorSpec[] tensors(String name, ByteBuffer model) throws Problem {
        return InterpreterRuntime.tensors(name, model);
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
        prepared.write(picture, input);
    }

    @Override
    public void run() throws Problem {
        TensorSpec.begin(input);
        TensorSpec.begin(output);
        runtime.run(input, output);
    }

    @Override
    public Long nativeNanos() {
        return runtime.nativeNanos();
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
        runtime.close();
    }
}
