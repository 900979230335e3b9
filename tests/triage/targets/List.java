// leak: a list that grows by 1.5 MB a second.
import java.util.ArrayList;

class List {
    public static void main(String[] arguments) throws InterruptedException {
        var kept = new ArrayList<byte[]>();
        var parent = ProcessHandle.current().parent();
        System.out.println("ready");
        while (ProcessHandle.current().parent().equals(parent)) {
            kept.add(new byte[15_000]);
            Thread.sleep(10);
        }
    }
}
