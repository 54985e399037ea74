package org.mobilecnn.compose

import android.content.res.AssetManager
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import org.mobilecnn.core.ModelRuntime
import org.mobilecnn.core.Passport
import org.mobilecnn.core.Problem
import org.mobilecnn.core.TensorSpec
import java.nio.ByteBuffer

/**
 * LiteRT's compiled model, which replaces the interpreter: the whole graph is prepared for the CPU or the GPU.
 *
 * It does not tell the types of the file's tensors; a file whose buffers have another size than the passport's is refused.
 */
class CompiledModelRuntime(
    assets: AssetManager,
    asset: String,
    private val passport: Passport,
    onGpu: Boolean,
    threads: Int,
) : ModelRuntime {
    private val model: CompiledModel
    private var inputs: List<TensorBuffer> = emptyList()
    private var outputs: List<TensorBuffer> = emptyList()

    init {
        val options = CompiledModel.Options(if (onGpu) Accelerator.GPU else Accelerator.CPU)
        if (!onGpu) options.cpuOptions = CompiledModel.CpuOptions(threads, null, null)
        var done = false
        try {
            model = CompiledModel.create(assets, asset, options, null)
        } catch (refusal: LiteRtException) {
            throw refused(refusal)
        }
        try {
            inputs = model.createInputBuffers()
            outputs = model.createOutputBuffers()
            checkBuffers()
            done = true
        } catch (refusal: LiteRtException) {
            throw refused(refusal)
        } finally {
            if (!done) close()
        }
    }

    private fun checkBuffers() {
        if (inputs.size != 1 || outputs.size != 1) {
            throw Problem(Problem.MODEL_FILE, "${passport.file} has ${inputs.size} inputs and ${outputs.size} outputs")
        }
        // A buffer that was never written may not be readable.
        inputs[0].write(passport.input, passport.input.buffer())
        checkSize("input", inputs[0].values(passport.input), passport.input)
        checkSize("output", outputs[0].values(passport.output), passport.output)
    }

    private fun checkSize(
        which: String,
        values: Int,
        spec: TensorSpec,
    ) {
        if (values != spec.elements()) {
            throw Problem(
                Problem.MODEL_FILE,
                "the $which of ${passport.file} has $values values, and its passport says $spec: " +
                    "they are of different exports; stage both again with mobilecnn android",
            )
        }
    }

    override fun run(
        input: ByteBuffer,
        output: ByteBuffer,
    ) {
        try {
            inputs[0].write(passport.input, input)
            model.run(inputs, outputs)
            outputs[0].read(passport.output, output)
        } catch (refusal: LiteRtException) {
            throw refused(refusal)
        }
    }

    /** It does not tell. */
    override fun nativeNanos(): Long? = null

    override fun close() = closeAll(inputs + outputs + model)

    /** Closes them in this order, also those after one that does not close. */
    private fun closeAll(all: List<AutoCloseable>) {
        if (all.isEmpty()) return
        try {
            all.first().close()
        } finally {
            closeAll(all.drop(1))
        }
    }

    private fun refused(refusal: LiteRtException) =
        Problem(Problem.MODEL_FILE, "LiteRT cannot run ${passport.file}: ${refusal.message}", refusal)
}

private fun TensorBuffer.write(
    spec: TensorSpec,
    from: ByteBuffer,
) {
    TensorSpec.begin(from)
    if (spec.quantized()) {
        writeInt8(ByteArray(spec.elements()).also { from.get(it) })
    } else {
        writeFloat(FloatArray(spec.elements()).also { from.asFloatBuffer().get(it) })
    }
}

/** The number of values that it holds, read as this type. */
private fun TensorBuffer.values(spec: TensorSpec): Int = if (spec.quantized()) readInt8().size else readFloat().size

private fun TensorBuffer.read(
    spec: TensorSpec,
    into: ByteBuffer,
) {
    TensorSpec.begin(into)
    if (spec.quantized()) {
        into.put(readInt8())
    } else {
        into.asFloatBuffer().put(readFloat())
    }
}
