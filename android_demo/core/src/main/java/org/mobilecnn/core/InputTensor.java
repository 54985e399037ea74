package org.mobilecnn.core;

import java.nio.ByteBuffer;

/**
 * Turns pictures into a model's input, in memory that is used again for the next picture.
 *
 * <p>One thread may use it at a time.
 */
public final class InputTensor {
    private final InputContract contract;
    private final TensorSpec spec;
    private final Resize resize;
    private final float[] values;

    /** The input of a model, as its passport describes it. */
    public InputTensor(InputContract contract, TensorSpec spec) {
        this.contract = contract;
        this.spec = spec;
        this.resize = new Resize(contract);
        this.values = new float[contract.elements()];
    }

    /** Resizes a picture, normalizes it and writes it into {@code buffer}, which has the tensor's size. */
    public void write(Picture picture, ByteBuffer buffer) {
        contract.tensor(resize.toPixels(picture), values);
        spec.encode(values, buffer);
    }
}
