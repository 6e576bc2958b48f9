"""The terms of the course: what each means, in the words of the lesson that defines it, and the cell where it does.

One line a term: name (and other forms of it, which are marked in the lessons too) | lesson | cell | meaning. A test
finds the term, or one of its other forms, in the cell that is named.
"""

from __future__ import annotations

from dataclasses import dataclass

TERMS = """
action | 01 | s-need | What video models name, where image models name things. Ask first whether one frame is enough to tell it.
aliasing | 01 | wheel-words | Anything that repeats faster than fps / 2 comes back as something slower, possibly reversed.
aperture problem; aperture | 03 | barber-words | Through a small hole only the part of a motion across the stripes can be seen; the part along them leaves no trace. Every pixel looks through such a hole.
attention | 10 | alike-words | Compare, turn likeness into weights that sum to 1, and take the mean of what the others have to say, by these weights.
attention pooling; Attention | 05 | attention-words | A learned vector scores each frame; a softmax over time makes weights of the scores; the clip is the weighted sum of its frames.
axis; axes | 00 | s-conventions | A direction in which a tensor extends. A single video is t c h w (time, channel, height, width), a batch b t c h w.
backbone | 05 | network-words | The network f that makes features of a frame. All models of a part of the course share it: nothing but the fusion differs.
background subtraction; Frame minus background | 02 | s-foreground | What differs from the background moves.
baseline | 09 | s-next | The simple answer that a model has to beat: a single frame, copying the last frame, the largest class.
bilinear fusion; Bilinear | 12 | ask3 | At every place the outer product of the two feature vectors, summed over all places: which feature of the one meets which of the other.
boring video; boring videos | 08 | s-boring | One still, repeated for ever. An inflated network must answer to it as the image network answered to the still.
bootstrap | 01 | interval | Draw the videos again and again, with replacement, and see how much the numbers move: an interval for a hit rate.
brightness constancy; Brightness constancy | 03 | s-constancy | A point keeps its brightness while it moves: I(x, y, t) = I(x + u, y + v, t + 1). Light, highlights and occlusion break it.
centre bias | 05 | fovea-words | Leaning on the middle of the frame, where cameramen put what matters: cheap, and dangerous.
Charbonnier's penalty; Charbonnier | 13 | ask2 | ρ(x) = (x² + ε²)^α. With α near ½ it is about |x|, but smooth at 0, so that a large error counts less than its square.
class token | 10 | s-vit | A further token of a transformer, which gathers the answer.
claim | 00 | claims-words | A sentence of a lesson that a cell shows and checks: the line with assert stops the notebook if it is false.
clip; clips | 01 | s-short | Few frames, few of them a second, small: what networks train on, cut from a video.
clip Hit@1; Clip Hit@1 | 01 | hits | How often is the best guess for one clip right?
codec | 01 | s-codec | Makes a film's file small: within a frame, as JPEG does, and between frames, by sending only what changed.
committee; ensemble; committees | 14 | s-committee | Several models whose probabilities are averaged. It gains from equals; a member that is wrong, and surer than the others, ruins it.
concatenation | 12 | operators-words | Putting the channels of two maps, or the vectors of several frames, one behind the other.
ConvGRU; convolutional GRU | 09 | s-gru | A GRU whose products are convolutions and whose state is a map.
ConvLSTM | 09 | s-convlstm | An LSTM in which every matrix product is a convolution and the state is a map: each place remembers.
corner; corners | 03 | s-points | A point where brightness changes in two directions, so that it can be followed.
dense optical flow; Dense flow; dense flow | 03 | s-dense | A displacement (u, v) for every pixel: what frame t shows at (x, y), frame t + 1 shows at (x + u, y + v).
differences of features; difference of features | 13 | s-difference | What changes from frame to frame in the answers of the first layer. No flow is computed.
early fusion; Early fusion | 06 | s-line | T frames of 3 channels become one picture of 3T channels, and a 2D CNN takes it from there.
einops | 01 | trap-words | The library in which the course moves axes by naming them, as in "b t c h w -> (b t) c h w".
end to end | 13 | s-difference | Trained as one: the gradient of the answer reaches every layer, back to the frames.
endpoint error; EPE | 04 | error-words | The distance between the tip of the estimated arrow and the tip of the true one, in pixels, averaged over all pixels whose truth is known.
equivariant; shift-equivariant; equivariance; shift-equivariance | 06 | equivariance | Shift the input by s frames, and the output is the same, shifted by s.
factorised attention | 10 | kinds-words | First each moment within itself; then the moments' class tokens among each other.
divided attention | 10 | kinds-words | In every layer first the same place at all moments, then the same moment at all places.
joint attention; Joint attention | 10 | kinds-words | All tokens ask all.
feature; features | 00 | notation | What a network makes of a frame: z = f(frame), a vector or a stack of maps.
flicker | 02 | truth-words | Each frame's exposure is off by a random factor.
foreground | 02 | s-foreground | What exceeds k sigma after the background was subtracted.
forget gate | 09 | s-lstm | The number from 0 to 1 that says how much of the old memory is kept.
fovea stream; fovea | 05 | s-fovea | The stream that sees the middle of the frame at full size, beside a context stream that sees the whole at half size.
fusion | 05 | s-single | Bringing the frames of a clip, or several streams, together.
Gabor kernel; Gabor | 02 | s-filter | A wave under a bell: a filter that responds to one frequency, or, slanted in x–t, to one velocity.
gate; gates | 09 | by-hand-words | A factor, learned, that decides what may be written into a memory, or how much of each of two maps comes in.
gated fusion | 12 | ask2 | Mix two maps: at each place, and for each feature, a gate says how much of the spatial map comes in; the temporal one gets what is left.
GRU | 09 | s-gru | A recurrent network with an update gate and a reset gate, and no separate cell.
head; heads | 10 | layer-words | Several attend at once, each in its own slice of the dimensions, and so to different things.
hidden two-stream network; MotionNet | 13 | net-words | A network that proposes flow from two frames, and so a stream of motion that needs no flow from outside.
Horn–Schunck; Horn and Schunck | 04 | s-hs | Looks for the whole field of flow at once: it should fulfil the constraint, and be smooth.
inflation; inflate | 08 | s-filters | Every filter of a trained image network is given an extent in time, copied and divided, so that it answers to a still as before.
intervene | 10 | s-why | Hide patches and ask again, to learn what the answer depends on.
invariant | 07 | s-shift | The answer stays as it is when the clip is shifted. 3D convolution is equivariant; it becomes invariant once it is pooled over time.
kernel | 02 | s-filter | All weights of a filter together.
late fusion; Late fusion | 05 | s-late | Put the vectors of all frames side by side, and let a hidden layer read them: each frame has weights of its own.
LSTM | 09 | s-lstm | A recurrent network whose memory, the cell, is a sum that three gates (input, forget, output) write, keep and show.
Lucas–Kanade; Lucas and Kanade | 04 | s-lk | Assumes that all pixels of a window move alike, and solves their equations by least squares.
median absolute deviation; MAD | 02 | ask5 | Subtract the median, take absolute values, take the median again: a spread that half of the values cannot spoil. Times 1.4826 it is a sigma.
motion energy; opponent energy | 02 | energy-words | The sum of squares of two filters a quarter of a wave apart: steady, whatever the phase. Right minus left is the opponent energy.
multiply–adds | 07 | ask5 | The work of a network: each multiplication with its addition counted once. In FLOPs it is twice as many.
non-local block | 10 | s-non-local | Attention inside a 3D network: all places at all moments of a feature map ask each other, and the answer is added.
normal flow | 03 | normal-words | What is known of motion at one pixel: its part along the gradient, n = −I_t ∇I / |∇I|².
occlusion | 03 | constancy-words | One thing hides another: there the next frame does not have what this frame shows, and nothing is to be found.
official split; Official splits; official splits | 15 | official-words | The lists, published with a data set, of what is for training and what for the test.
optical-flow constraint | 03 | taylor-words | I_x u + I_y v + I_t = 0: one equation for the two unknowns of a pixel.
order-blind | 05 | blind-theorem | Whose answer stays when the frames are shuffled. No order-blind model can tell a clip from its reverse.
Pareto front | 14 | map-words | The models that no other beats at the same cost or less.
permutation-equivariant | 10 | s-order | Shuffle the tokens, and the answers are shuffled alike.
pooling | 05 | s-pool | Makes one vector of any number of frames: their average, their maximum, or a weighted sum.
position | 10 | s-order | A learned vector, added to a token, that says where and when it is. Without it attention knows no order.
pyramid | 04 | s-large | Smaller and smaller copies of a picture. Large motion is small there: estimate, enlarge the flow and its values, warp, and look for what is left.
quadrature | 02 | energy-words | Two filters a quarter of a wave apart: the second peaks where the first is zero.
query, key, value; query; key | 10 | s-attention | What a token seeks, what it is, and what it tells: three linear maps of it.
receptive field | 07 | field-words | What a unit of a network can see of the clip.
recurrence | 09 | by-hand-words | One rule, the same at every frame: the new state is made of the frame and of the state before.
registration; registered | 12 | s-operators | Two maps have the same height and width, and places agree: what a thing is and how it moves meet where they belong together.
residual | 03 | ask4 | The left side of the constraint for a given flow: how wrong the flow is at a pixel, with its sign.
rollout | 10 | rollout-words | Follows attention weights through all layers, shortcuts included, from the class token back to the patches.
score fusion; averaged scores | 11 | s-idea | The mean of the probabilities of two streams. It needs no training, and cannot know which goes where.
seed; seeds | 14 | read-words | The number that chance begins with: first weights, order of the clips. Which seed it was often matters more than which clips.
shortcut | 05 | leak-words | Something that betrays the label though it is not what the label means: a bet on how the data was made.
single-frame model; single frame | 05 | s-single | Each frame votes alone, and the votes are averaged: the baseline to try first on any new data.
slow fusion; Slow fusion | 07 | s-slow | Merges time layer by layer, with kernels that slide along it.
source; sources | 15 | s-split | Whatever clips share: a film, a person, a day, a house. All of a source belongs on one side of a split.
spatial stream | 11 | s-idea | The network that sees one frame: what is there.
SSIM | 13 | ssim-words | Asks whether two windows are alike in mean, contrast and pattern, and forgives what changes all of it. It is 1 where they are the same.
structure tensor | 03 | tensor-words | The 2 × 2 matrix of the averaged products of the two derivatives. Both eigenvalues large: a corner.
taps; tap | 02 | s-filter | The weights of a filter along time.
temporal median | 02 | s-median | At each pixel, the value in the middle of its whole life. Whoever covers the pixel for less than half of the time leaves no trace.
temporal stream | 11 | s-idea | The network that sees a stack of flow: how things move.
token; tokens | 10 | s-attention | A vector that asks and is asked: a patch, a tubelet, a frame.
torus | 05 | s-world | The stage of the course's worlds: what leaves at the right comes back at the left, so no place tells a direction.
transplant; Transplant a layer | 08 | ask5 | To use a 2D layer in a 3D network with its border done right: edge frames repeated in time, so that a boring clip gets the 2D layer's answers.
tubelet; tubelets | 10 | s-vit | A box of a clip, some frames deep and a patch wide, of which one linear map makes a token.
two-stream network; two streams; Two streams | 11 | s-idea | A spatial stream sees what is there, a temporal stream how it moves; their answers are fused.
video Hit@1; Video Hit@1 | 01 | hits | How often is the best guess right after averaging the probabilities of several clips of the video?
warp; warping; Warp back | 03 | warp-words | Fetch for each pixel what lies at the end of its arrow in the second frame. If the flow is right, the first frame comes out.
world; worlds | 00 | worlds-words | A computed clip, in which every answer (where, how fast, since when) is known exactly, so that a claim can be checked instead of believed.
x–t slice; x–t slices | 00 | stack-words | One row of pixels, taken from every frame and stacked: what stands still is a vertical streak, and slope is velocity.
y–t slice | 02 | s-yt | One column of pixels over time: everyone who passes leaves a portrait.
zero padding | 07 | breaks-answer | Zeros around a picture or a clip, before the first frame and after the last. They tell a network where the border is.
(2+1)D | 07 | s-factorised | A 3D kernel taken apart: first over space, then, behind a ReLU, over time.
3D convolution | 07 | s-by-hand | A kernel reaches over frames, rows, columns and all input channels, and slides along three axes. Its answers form a volume again.
"""


@dataclass(frozen=True)
class Term:
    """A term, its other forms, what it means, and where it is defined: the number of a lesson, and a cell of it."""

    name: str
    forms: tuple[str, ...]
    lesson: str
    cell: str
    says: str

    @property
    def anchor(self) -> str:
        """The id of its entry on the glossary's page."""
        return "term-" + "".join(sign if sign.isalnum() else "-" for sign in self.name.lower()).strip("-")


def terms() -> list[Term]:
    """All terms, in the order of the alphabet."""
    found = []
    for line in TERMS.strip().splitlines():
        names, lesson, cell, says = (part.strip() for part in line.split("|", 3))
        name, *forms = (each.strip() for each in names.split(";"))
        found.append(Term(name, tuple(forms), lesson, cell, says))
    return sorted(found, key=lambda term: term.name.lower())
