package org.mobilecnn.core;

import java.nio.ByteBuffer;

/**
 * What runs a loaded model: TensorFlow Lite's or LiteRT's interpreter, LiteRT's compiled model, or another.
 *
 * <p>An implementation has checked that the file's tensors are those of its passport. One thread may use
 * it at a time.
 */
public interface ModelRuntime extends AutoCloseable {
    /**
     * Runs the model once.
     *
     * @param input the input tensor as the file has it, in a direct buffer at its beginning.
     * @param output receives the output tensor, as {@code input}.
     * @throws Problem if the runtime refuses it.
     */
    void run(ByteBuffer input, ByteBuffer output) throws Problem;

    /** Nanoseconds of the last run without Java; null where the runtime does not tell. */
    Long nativeNanos();

    @Override
    void close();
}
