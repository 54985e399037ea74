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
 * It does not tell the types of the file's tensors; buffers of another size than the passport's are refused.
 */
class CompiledModelRuntime(
    assets: AssetManager,
    asset: String,
    private val passport: Passport,
    onGpu: Boolean,
    threads: Int,
) : ModelRuntime {
    private val model: CompiledModel
    private val inputs: List<TensorBuffer>
    private val outputs: List<TensorBuffer>

    init {
        val options = CompiledModel.Options(if (onGpu) Accelerator.GPU else Accelerator.CPU)
        if (!onGpu) options.cpuOptions = CompiledModel.CpuOptions(threads, null, null)
        try {
            model = CompiledModel.create(assets, asset, options, null)
            inputs = model.createInputBuffers()
            outputs = model.createOutputBuffers()
        } catch (refusal: LiteRtException) {
            throw refused(refusal)
        }
        if (inputs.size != 1 || outputs.size != 1) {
            close()
            throw Problem(Problem.MODEL_FILE, "${passport.file} has ${inputs.size} inputs and ${outputs.size} outputs")
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

    override fun close() {
        (inputs + outputs).forEach(TensorBuffer::close)
        model.close()
    }

    private fun refused(refusal: LiteRtException) =
        Problem(Problem.MODEL_FILE, "LiteRT cannot run ${passport.file}: ${refusal.message}", refusal)
}

private fun TensorBuffer.write(
    spec: TensorSpec,
    from: ByteBuffer,
) {
    from.rewind()
    if (spec.quantized()) {
        writeInt8(ByteArray(spec.elements()).also { from.get(it) })
    } else {
        writeFloat(FloatArray(spec.elements()).also { from.asFloatBuffer().get(it) })
    }
}

private fun TensorBuffer.read(
    spec: TensorSpec,
    into: ByteBuffer,
) {
    into.rewind()
    if (spec.quantized()) {
        into.put(readInt8())
    } else {
        into.asFloatBuffer().put(readFloat())
    }
}
