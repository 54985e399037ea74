package org.mobilecnn.compose

import android.content.res.AssetManager
import android.util.Base64
import org.mobilecnn.core.AnswerCheck
import org.mobilecnn.core.Digest
import org.mobilecnn.core.InputTensor
import org.mobilecnn.core.ModelRuntime
import org.mobilecnn.core.Passport
import org.mobilecnn.core.Picture
import org.mobilecnn.core.Problem
import java.io.FileInputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.FileChannel

private const val FOLDER = "models"
private const val SUFFIX = ".tflite"

/** The names of the models that the app carries, sorted. */
fun bundled(assets: AssetManager): List<String> =
    assets
        .list(FOLDER)
        .orEmpty()
        .filter { it.endsWith(SUFFIX) }
        .sorted()

/** The passport of a model that the app carries. */
fun passportOf(
    assets: AssetManager,
    model: String,
): Passport {
    val name = model.removeSuffix(SUFFIX) + ".json"
    return Passport.parse(name, assets.open("$FOLDER/$name").use { it.readBytes().decodeToString() })
}

/** The scores of a picture, in the order of the outputs, and the nanoseconds that it and they took. */
class Scored(
    val scores: FloatArray,
    val preprocessNanos: Long,
    val inferenceNanos: Long,
)

/** A model that runs, fed and read as its passport says. One thread may use it at a time. */
class LoadedModel(
    val passport: Passport,
    private val runtime: ModelRuntime,
) : AutoCloseable {
    private val prepared: InputTensor
    private val input: ByteBuffer
    private val output: ByteBuffer

    init {
        var done = false
        try {
            prepared = InputTensor(passport.contract, passport.input)
            input = passport.input.buffer()
            output = passport.output.buffer()
            done = true
        } finally {
            // Memory may not suffice for the buffers, and then nobody else can close the runtime.
            if (!done) runtime.close()
        }
    }

    /** What it says of a picture. */
    fun classify(picture: Picture): Scored {
        val begin = System.nanoTime()
        prepared.write(picture, input)
        val ready = System.nanoTime()
        runtime.run(input, output)
        val done = System.nanoTime()
        return Scored(passport.output.decode(output), ready - begin, done - ready)
    }

    /** Its answers to the passport's golden pictures, held against those at export. */
    fun check(): AnswerCheck = AnswerCheck.judge(passport, Array(passport.golden.size) { classify(golden(it)).scores })

    override fun close() = runtime.close()

    private fun golden(index: Int): Picture {
        val png = Base64.decode(passport.golden[index].png, Base64.DEFAULT)
        return exact(png)?.let(::pictureOf)
            ?: throw Problem(Problem.MODEL_FILE, "a golden picture of ${passport.file} is damaged; export it again")
    }

    companion object {
        /** Loads a model that the app carries; another file than its passport's is refused. */
        fun open(
            assets: AssetManager,
            model: String,
            onGpu: Boolean,
            threads: Int,
        ): LoadedModel =
            try {
                val passport = passportOf(assets, model)
                Digest.expect(model, mapped(assets, "$FOLDER/$model"), passport.sha256, "its passport describes")
                LoadedModel(passport, CompiledModelRuntime(assets, "$FOLDER/$model", passport, onGpu, threads))
            } catch (missing: IOException) {
                throw Problem(
                    Problem.MODEL_FILE,
                    "$model or its passport cannot be read (${missing.message}); stage it again with mobilecnn android",
                    missing,
                )
            }

        private fun mapped(
            assets: AssetManager,
            path: String,
        ): ByteBuffer =
            assets.openFd(path).use { asset ->
                FileInputStream(asset.fileDescriptor).use {
                    it.channel.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.declaredLength)
                }
            }
    }
}
